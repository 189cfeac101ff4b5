"""Labels copied to cells, without those of the largest loss: small-loss selection.

Networks learn what is true of most examples first and memorise wrong labels later; a large loss late in training
indicates a wrong label (Kim, Kim, Akata and Lee, 2022, "Large Loss Matters", arXiv:2206.03740, LL-R). There labels are
missing and negatives are rejected; here an image's labels are copied to cells that do not show them, so positives are.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, StepResult, Supervision


class LargeLossSupervision(nn.Module, Supervision):
    """Propagation that leaves out, class by class, the copied positives of the largest loss in the batch.

    Args:
        loss: Compares logits with targets.
        rejected_share: Share of a class's positives that is left out at the end of training, in [0, 1); it grows from
            0 in proportion to progress. About the share of an image's cells that do not show one of its labels.

    Raises:
        InputError: If the share is out of its range.
    """

    def __init__(self, loss: Loss, rejected_share: float) -> None:
        super().__init__()
        require_share(rejected_share)
        self.loss = loss
        self.rejected_share = rejected_share

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`."""
        output = model(batch)
        targets = batch.image_targets[batch.image_of_cell]
        weights = small_loss_mask(output.logits.detach(), targets, self.rejected_share * progress)
        return StepResult({"cells": self.loss(output.logits, targets, weights)}, output)


def small_loss_mask(
    logits: Float[Tensor, "cell class"], targets: Float[Tensor, "cell class"], rejected_share: float
) -> Float[Tensor, "cell class"]:
    """Return 0 for the share of each class's positives that have the lowest logits, 1 for all else.

    Class by class, since the largest losses of all would be those of the rare classes.
    """
    positive = targets > 0.5
    # The loss of a positive falls with its logit, whichever loss it is.
    rank = logits.masked_fill(~positive, torch.inf).argsort(dim=0).argsort(dim=0)
    return 1 - (positive & (rank < (rejected_share * positive.sum(dim=0)).floor())).to(logits.dtype)


def require_share(rejected_share: float) -> None:
    """Make sure that some positives are left to learn from.

    Raises:
        InputError: If the share is not in [0, 1).
    """
    if not 0 <= rejected_share < 1:
        raise InputError(f"supervision.rejected_share must lie in [0, 1), not {rejected_share}.")
