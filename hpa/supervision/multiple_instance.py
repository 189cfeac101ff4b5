"""The cells of an image are a bag, and the labels are the bag's: multiple-instance learning.

The pool decides how cells make an image, and so which cells a label trains (Dietterich, Lathrop and Lozano-Perez, 1997;
on microscopy of proteins Kraus, Ba and Frey, 2016, arXiv:1511.05286). The second place of the 2021 competition added a
small loss on the label of each cell, which also trains cells that the pool does not choose: team [red.ai] took the
maximum over 16 cells and a weight of 0.1 (Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput, Loss, Pool, StepResult, Supervision, Unit


class MultipleInstanceSupervision(nn.Module, Supervision):
    """Loss between the pooled cells of each image and the image's labels.

    Args:
        loss: Compares logits with targets.
        pooling: From cells to images.
    """

    unit: Unit = "image"

    def __init__(self, loss: Loss, pooling: Pool) -> None:
        super().__init__()
        self.loss = loss
        self.pooling = pooling

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `bag`."""
        del progress
        output = model(batch)
        return StepResult({"bag": _bag_loss(self.loss, self.pooling, output, batch)}, output)


class DualSupervision(nn.Module, Supervision):
    """Bag loss plus cell loss on the labels of the image, from one forward pass.

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

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms `bag` and `cells`."""
        del progress
        output = model(batch)
        cells = self.loss(output.logits, batch.image_targets[batch.image_of_cell])
        bag = _bag_loss(self.loss, self.pooling, output, batch)
        return StepResult({"bag": bag, "cells": self.cell_weight * cells}, output)


def _bag_loss(loss: Loss, pooling: Pool, output: CellOutput, batch: CellBatch) -> Float[Tensor, ""]:
    """Return the loss between pooled cells and labels of their images; images without a cell here do not count."""
    images, bag_of_cell = torch.unique(batch.image_of_cell, return_inverse=True)
    return loss(pooling(output, bag_of_cell, len(images)), batch.image_targets[images])
