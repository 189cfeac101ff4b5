"""Label propagation: each cell gets the labels of its image.

The simplest weak supervision, and a strong baseline: noise that does not depend on how a cell looks averages out
(Rolnick, Veit, Belongie and Shavit, 2017, arXiv:1705.10694). Exact where all cells of an image have one class.
"""

from __future__ import annotations

from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, StepResult, Supervision


class PropagationSupervision(nn.Module, Supervision):
    """Loss between cell logits and the labels of the cell's image.

    Args:
        loss: Compares logits with targets.
        smoothing: Moves targets towards 1/2, in [0, 1): 0 becomes smoothing / 2, 1 becomes 1 - smoothing / 2
            (Szegedy et al., 2016, arXiv:1512.00567, for two outcomes).

    Raises:
        InputError: If `smoothing` is out of its range.
    """

    def __init__(self, loss: Loss, smoothing: float) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise InputError(f"supervision.smoothing must lie in [0, 1), not {smoothing}; 0 switches it off.")
        self.loss = loss
        self.smoothing = smoothing

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`."""
        del progress
        output = model(batch)
        targets = batch.image_targets[batch.image_of_cell] * (1 - self.smoothing) + self.smoothing / 2
        return StepResult({"cells": self.loss(output.logits, targets)}, output)
