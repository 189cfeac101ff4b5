"""Images whose true classes, cells, perfectly calibrated predictions and wrong labels are drawn by the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CELLS = 10


@dataclass
class NoisyImages:
    """Simulated images.

    Attributes:
        logits: Calibrated predictions of each cell.
        shown: Whether each cell shows each class.
        image_of_cell: The image of each cell.
        image_targets: Labels, some of them wrong.
        missing: Share of the images with each class that lack its label, as drawn.
        invented: Share of the images without each class that have its label, as drawn.
    """

    logits: Tensor
    shown: Tensor
    image_of_cell: Tensor
    image_targets: Tensor
    missing: Tensor
    invented: Tensor


def noisy_images(
    seed: int,
    images: int,
    false_negative: Sequence[float],
    false_positive: Sequence[float],
    frequency: float = 0.4,
    shown_share: float = 0.5,
    separation: float = 3.0,
    resemblance: float = 0.0,
) -> NoisyImages:
    """Draw images of ten cells.

    Args:
        seed: Of the draw.
        images: How many.
        false_negative: Rate of each class.
        false_positive: Likewise.
        frequency: Share of the images that have a class.
        shown_share: Share of their cells that show it.
        separation: Distance of cells with and without a class, in standard deviations.
        resemblance: Share of the variance of cells that those of one image have in common.
    """
    draw = torch.Generator().manual_seed(seed)
    classes = len(false_negative)
    has = torch.rand(images, classes, generator=draw) < frequency
    image_of_cell = torch.arange(images).repeat_interleave(CELLS)
    shown = (torch.rand(images * CELLS, classes, generator=draw) < shown_share) & has[image_of_cell]
    own = torch.randn(images * CELLS, classes, generator=draw)
    common = torch.randn(images, classes, generator=draw)[image_of_cell]
    looks = separation * shown + (1 - resemblance) ** 0.5 * own + resemblance**0.5 * common
    prior = torch.tensor(frequency * shown_share).logit()
    logits = separation * looks - separation**2 / 2 + prior
    luck = torch.rand(images, classes, generator=draw)
    labels = torch.where(has, luck >= torch.tensor(false_negative), luck < torch.tensor(false_positive))
    missing = (has & ~labels).sum(dim=0) / has.sum(dim=0)
    invented = (~has & labels).sum(dim=0) / (~has).sum(dim=0)
    return NoisyImages(logits, shown.float(), image_of_cell, labels.float(), missing, invented)
