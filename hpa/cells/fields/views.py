"""The whole images of a batch of cells, from the store, augmented by (seed, epoch, image)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int64

from hpa.cells.fields.store import StoredFields
from hpa.core.seeding import seed_of
from hpa.interfaces import FieldAugmentation, FieldBatch


class FieldViews:
    """Shows the images of cells.

    Attributes:
        stored: The images on disk.
        augmentation: What is done to them; None for validation.
    """

    def __init__(self, stored: StoredFields, augmentation: FieldAugmentation | None, seed: int) -> None:
        self.stored = stored
        self.augmentation = augmentation
        self.seed = seed

    def batch(
        self,
        epoch: int,
        images: Int64[np.ndarray, " image"],
        turns: Int64[np.ndarray, " image"],
        image_of_cell: Int64[np.ndarray, " cell"],
        cells: Int64[np.ndarray, " cell"],
    ) -> FieldBatch:
        """Return images with the places of their cells.

        Args:
            epoch: With seed, image and turn it decides the augmentation.
            images: Rows of the image table.
            turns: How often each was drawn before in this epoch.
            image_of_cell: For each cell, its place in `images`.
            cells: Number of each cell in its image, from 0.
        """
        spec, grid = self.stored.spec, self.stored.grid
        pictures = np.empty((len(images), len(spec.channels), spec.side_px, spec.side_px), np.float32)
        coverage = np.empty((len(cells), grid, grid), np.float32)
        for place, (row, turn) in enumerate(zip(images.tolist(), turns.tolist(), strict=True)):
            own = np.flatnonzero(image_of_cell == place)
            picture, shares = self.stored.image(row), self.stored.coverage(row, cells[own])
            if self.augmentation is not None:
                seed = seed_of(self.seed, "field", epoch, row, *([turn] if turn else []))
                picture, shares = self.augmentation(picture, shares, seed)
            pictures[place], coverage[own] = picture, shares
        return FieldBatch(torch.from_numpy(pictures), torch.from_numpy(coverage))
