"""Replaces a rectangle of crops by that of another image's, and mixes labels by area.

CutMix (Yun, Han, Oh, Chun, Choe and Yoo, 2019, arXiv:1905.04899). Labels belong to images, so all cells of an image
share one rectangle, each filled from some cell of the other image. The seventh team of the 2021 competition did so.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from hpa.cells.batch_augment.mixing import mixed_targets, random_partners
from hpa.cells.batch_augment.steps import require_crops
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchCutmix:
    """Pastes rectangles of other images into some of a batch.

    Args:
        max_area: Bound on a rectangle's area as a share of the crop, in (0, 1); the area is sampled uniformly from 0,
            before clipping at the edge.
        probability: Share of the images that are changed, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, max_area: float, probability: float) -> None:
        if not (0 < max_area < 1 and 0 <= probability <= 1):
            raise InputError(
                f"batch_augment: max_area must lie between 0 and 1, probability in [0, 1]; came {max_area} and "
                f"{probability}."
            )
        self._max_area = max_area
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch with some images changed.

        Raises:
            InputError: If the batch holds whole images.
        """
        require_crops(batch, "cutmix")
        partners = random_partners(batch.image_of_cell, len(batch.image_targets))
        cut = self._rectangles(len(batch.image_targets), batch.crops.shape[-1]).to(batch.crops.device)
        share = 1 - cut.float().mean(dim=(1, 2))
        of_cell, cut = share[batch.image_of_cell], cut[batch.image_of_cell]
        known, corrected = batch.cell_targets, batch.corrected_targets
        return replace(
            batch,
            crops=torch.where(cut[:, None], batch.crops[partners.cells], batch.crops),
            image_targets=mixed_targets(batch.image_targets, partners.images, share),
            cell_targets=None if known is None else mixed_targets(known, partners.cells, of_cell),
            corrected_targets=None if corrected is None else mixed_targets(corrected, partners.cells, of_cell),
        )

    def _rectangles(self, images: int, side_px: int) -> Bool[Tensor, "image side side"]:
        """Sample squares around any point of the crop; empty ones for images that stay as they are."""
        changed = torch.rand(images) < self._probability
        half = side_px * (self._max_area * torch.rand(images)).sqrt() / 2 * changed
        centre = side_px * torch.rand(2, images)
        places = torch.arange(side_px) + 0.5
        inside = (places - centre[:, :, None]).abs() < half[:, None]  # (axis, image, side)
        return inside[0][:, :, None] & inside[1][:, None, :]
