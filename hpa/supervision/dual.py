"""The image's labels for the bag of its cells, and, weighing less, for each cell: second place of the competition.

The bag says that some cell must show the class; the weak word to each cell keeps those moving that the pool does not
choose. Team [red.ai] took the maximum over 16 cells and a weight of 0.1 (Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Pool, Unit
from hpa.supervision.bags import bag_loss


class DualSupervision(nn.Module):
    """Bag loss plus cell loss, from one look at the cells.

    Args:
        loss: Compares logits with targets, of images and of cells.
        pooling: From cells to images.
        cell_weight: Multiplies the cell loss, >= 0; with 0 it is `multiple_instance`.

    Raises:
        InputError: If the weight is negative.
    """

    unit: Unit = "image"

    def __init__(self, loss: Loss, pooling: Pool, cell_weight: float) -> None:
        super().__init__()
        if not cell_weight >= 0:
            raise InputError(f"supervision.cell_weight must be 0 or more, not {cell_weight}; second place took 0.1.")
        self.loss = loss
        self.pooling = pooling
        self.cell_weight = cell_weight

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms `bag` and `cells`."""
        del progress  # the start and the end of training are taught alike
        output = model(batch)
        cells = self.loss(output.logits, batch.image_targets[batch.image_of_cell])
        return {"bag": bag_loss(self.loss, self.pooling, output, batch), "cells": self.cell_weight * cells}
