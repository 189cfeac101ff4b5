"""Batches of cells from the store: one fancy read, augmentation by (seed, epoch, cell), targets beside them."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, Int, Int64
from torch import Tensor
from torch.utils.data import Dataset

from hpa.cells.fields.store import StoredFields
from hpa.cells.sampling.sampler import BatchRequest
from hpa.cells.store import StoredCells
from hpa.core.seeding import seed_of
from hpa.interfaces import CellAugmentation, CellBatch


class CellDataset(Dataset[CellBatch]):
    """Answers a request with a whole batch.

    Attributes:
        stored: The cells on disk.
        image_targets: Labels of each image of the table.
        cell_targets: Labels of each cell of the store, NaN rows where unknown; None where there is no truth.
        augmentation: Changes crops, by (seed, epoch, cell); None for validation.
        fields: Whole images, in place of crops; None for models that read crops.
        corrected_targets: Classes of corrected cells, NaN rows elsewhere; None where none was corrected.
    """

    def __init__(
        self,
        stored: StoredCells,
        image_targets: Float32[np.ndarray, "image class"],
        cell_targets: Float32[np.ndarray, "cell class"] | None,
        augmentation: CellAugmentation | None,
        seed: int,
        fields: StoredFields | None = None,
        corrected_targets: Float32[np.ndarray, "cell class"] | None = None,
    ) -> None:
        self.stored = stored
        self.fields = fields
        self.image_targets = image_targets
        self.cell_targets = cell_targets
        self.corrected_targets = corrected_targets
        self.augmentation = augmentation
        self.seed = seed
        self.image_of_row = stored.cells["image"].to_numpy(np.int64)
        self._numbers = stored.cells["cell"].to_numpy(np.int64) - 1
        self.cells_in_image = np.bincount(self.image_of_row, minlength=len(image_targets))

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.image_of_row)

    def __getitem__(self, request: BatchRequest) -> CellBatch:
        """Return the batch of a request."""
        rows = np.asarray(request.rows, np.int64)
        repeats = np.zeros(len(rows), np.int64) if request.repeats is None else request.repeats.astype(np.int64)
        count = repeats.max(initial=0) + 1
        bags = self.image_of_row[rows] * count + repeats  # an image that is drawn again is another bag
        bags, image_of_cell = np.unique(bags, return_inverse=True)
        images = bags // count
        fields = self.fields
        return CellBatch(
            crops=torch.from_numpy(self._crops(request.epoch, rows, repeats)),
            image_of_cell=torch.from_numpy(image_of_cell.astype(np.int64)),
            cell_id=torch.from_numpy(rows),
            cells_in_image=torch.from_numpy(self.cells_in_image[images]),
            image_targets=torch.from_numpy(self.image_targets[images]),
            cell_targets=_rows_of(self.cell_targets, rows),
            corrected_targets=_rows_of(self.corrected_targets, rows),
            fields=None if fields is None else fields.batch(images, image_of_cell, self._numbers[rows]),
        )

    def _crops(
        self, epoch: int, rows: Int64[np.ndarray, " cell"], repeats: Int64[np.ndarray, " cell"]
    ) -> Float32[np.ndarray, "cell channel side side"]:
        if self.fields is not None:
            return np.empty((len(rows), len(self.stored.spec.channels), 0, 0), np.float32)
        crops = self.stored.crops(rows)
        if self.augmentation is None:
            return crops.pixels
        out = np.empty_like(crops.pixels)
        for index, (row, repeat) in enumerate(zip(rows.tolist(), repeats.tolist(), strict=True)):
            seed = seed_of(self.seed, epoch, row, *([repeat] if repeat else []))
            crop = np.ascontiguousarray(crops.pixels[index].transpose(1, 2, 0))
            out[index] = self.augmentation(crop, crops.regions[index] > 0, seed).transpose(2, 0, 1)
        return out


def _rows_of(targets: Float32[np.ndarray, "cell class"] | None, rows: Int64[np.ndarray, " row"]) -> Tensor | None:
    return None if targets is None else torch.from_numpy(targets[rows])


def rows_of_images(
    image_of_row: Int[np.ndarray, " cell"], images: Int[np.ndarray, " image"]
) -> Int[np.ndarray, " kept"]:
    """Return the rows of all cells that lie in these images, in order."""
    return np.flatnonzero(np.isin(image_of_row, images))
