"""Each cell is taught the labels of its image, as if it showed them all.

The plainest weak supervision, and a strong baseline: noise that is not tied to how a cell looks averages out (Rolnick,
Veit, Belongie and Shavit, 2017, arXiv:1705.10694). The same gather serves images of a pure class.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Unit


class PropagationSupervision(nn.Module):
    """Loss between cell logits and the labels of the cell's image.

    Args:
        loss: Compares logits with targets.
        smoothing: Moves targets towards 1/2, in [0, 1): 0 becomes smoothing / 2, 1 becomes 1 - smoothing / 2
            (Szegedy et al., 2016, arXiv:1512.00567, for two outcomes).

    Raises:
        InputError: If `smoothing` is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, loss: Loss, smoothing: float) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise InputError(f"supervision.smoothing must lie in [0, 1), not {smoothing}; 0 switches it off.")
        self.loss = loss
        self.smoothing = smoothing

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`."""
        del progress  # the start and the end of training are taught alike
        targets = batch.image_targets[batch.image_of_cell] * (1 - self.smoothing) + self.smoothing / 2
        return {"cells": self.loss(model(batch).logits, targets)}
