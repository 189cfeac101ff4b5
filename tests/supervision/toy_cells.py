"""A toy world of four patterns on small crops, labelled as the competition labels: of the image, not of the cell."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from hpa.interfaces import CellBatch, Supervision, TrainingCells
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.metrics.localisation import average_precision_per_class
from hpa.models.crop import CropModel
from hpa.models.heads import LinearHead

CLASSES = 4
SIDE_PX = 32
CELLS_PER_IMAGE = 6


def patterns() -> Tensor:
    """Draw the classes: a spot, a ring, stripes, a shade (class, height, width)."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE_PX)] * 2, indexing="ij")
    radius = (x**2 + y**2).sqrt()
    spot, ring = torch.exp(-((radius / 0.3) ** 2)), torch.exp(-(((radius - 0.7) / 0.1) ** 2))
    return torch.stack([spot, ring, (torch.sin(12 * x) > 0).float(), (y + 1) / 2])


def toy_batch(
    seed: int, images: int = 6, known: float = 1.0, shown: float = 1.0, cells: int = CELLS_PER_IMAGE, light: float = 0.6
) -> CellBatch:
    """Draw images of one or two classes; a share `shown` of their cells shows one of them in the second channel.

    The classes of a share `known` of the cells are known. Patterns are as bright as `light`, the noise below 0.2.
    """
    draw = torch.Generator().manual_seed(seed)
    first, second = torch.randint(CLASSES, (2, images), generator=draw)
    image_targets = torch.eye(CLASSES)[first].maximum(torch.eye(CLASSES)[second])
    per_image = torch.full((images,), cells)
    image_of_cell = torch.arange(images).repeat_interleave(cells)
    cells = len(image_of_cell)
    which = torch.where(torch.rand(cells, generator=draw) < 0.5, first[image_of_cell], second[image_of_cell])
    crops = 0.2 * torch.rand(cells, 4, SIDE_PX, SIDE_PX, generator=draw)
    cell_targets = torch.eye(CLASSES)[which]
    unknown = torch.rand(cells, generator=draw) >= known
    cell_targets[torch.rand(cells, generator=draw) >= shown] = 0
    crops[:, 1] += light * torch.einsum("kc,chw->khw", cell_targets, patterns())
    cell_targets[unknown] = torch.nan
    return CellBatch(crops, image_of_cell, torch.arange(cells), per_image, image_targets, cell_targets)


def numbered(batches: list[CellBatch]) -> tuple[list[CellBatch], TrainingCells]:
    """Number the cells of batches through, as those of a data set are, and list them all."""
    out, images, targets, cells = [], [], [], 0
    for batch in batches:
        out.append(replace(batch, cell_id=cells + torch.arange(len(batch))))
        images.append(batch.image_of_cell + sum(map(len, targets)))
        targets.append(batch.image_targets)
        cells += len(batch)
    return out, TrainingCells(torch.cat(images), torch.cat(targets))


def tiny_model() -> CropModel:
    """Build the smallest crop model."""
    torch.manual_seed(0)
    head = partial(LinearHead, drop_rate=0.0, prior=0.3)
    return CropModel("test_resnet", head, 4, CLASSES, None, False, 0.0, None, 0.2, 0.2)


def plain_loss() -> nn.Module:
    """Build the neutral loss."""
    return BinaryCrossEntropyLoss(None, None)


def train(supervision: Supervision, model: nn.Module, batches: list, learning_rate: float = 3e-3) -> list[float]:
    """Train through the plainest of loops, as blind to the strategy as the real one; return the loss of each step."""
    trained = [p for p in (*model.parameters(), *supervision.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=learning_rate)
    losses = []
    for step, batch in enumerate(batches):
        loss = torch.stack(list(supervision.step(model, batch, step / len(batches)).terms.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.inference_mode()
def cell_average_precision(model: nn.Module, shown: float = 1.0) -> float:
    """Score the true classes of unseen cells; by chance it is about shown / 4."""
    batch = toy_batch(seed=999, images=40, shown=shown)
    probabilities = model.eval()(batch).logits.sigmoid().numpy()
    return float(np.mean(average_precision_per_class(probabilities, batch.cell_targets.numpy())))
