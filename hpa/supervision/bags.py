"""The labels of an image, asked of all its cells together."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.interfaces import CellBatch, CellOutput, Loss, Pool


def bag_loss(loss: Loss, pooling: Pool, output: CellOutput, batch: CellBatch) -> Float[Tensor, ""]:
    """Return the loss between pooled cells and labels of their images; an image without a cell here says nothing."""
    images, bag_of_cell = torch.unique(batch.image_of_cell, return_inverse=True)
    return loss(pooling(output, bag_of_cell, len(images)), batch.image_targets[images])
