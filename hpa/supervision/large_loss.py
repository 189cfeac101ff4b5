"""Labels copied to cells, without those that the network finds hardest to believe.

Networks learn what is true of most examples first and memorise what is wrong later; a large loss late in training
betrays a wrong label (Kim, Kim, Akata and Lee, 2022, "Large Loss Matters", arXiv:2206.03740, LL-R). There labels are
missing and negatives are rejected; here an image's labels are copied to cells that do not show them, so positives are.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.interfaces import CellBatch, Loss, Unit
from hpa.supervision.small_loss import believed, require_share


class LargeLossSupervision(nn.Module):
    """Propagation that leaves out, class by class, the copied positives of the largest loss in the batch.

    Class by class, since the hardest of all would be those of the rare classes.

    Args:
        loss: Compares logits with targets.
        rejected_share: Share of a class's positives that is left out at the end of training, in [0, 1); it grows from
            0 in proportion to progress. About the share of an image's cells that do not show a class it is told of.

    Raises:
        InputError: If the share is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, loss: Loss, rejected_share: float) -> None:
        super().__init__()
        require_share(rejected_share)
        self.loss = loss
        self.rejected_share = rejected_share

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`."""
        logits = model(batch).logits
        targets = batch.image_targets[batch.image_of_cell]
        weights = believed(logits.detach(), targets, self.rejected_share * progress)
        return {"cells": self.loss(logits, targets, weights)}
