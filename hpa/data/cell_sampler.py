"""Which cells form a batch: shuffled cells, or whole images, always the same for the same (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from torch.utils.data import Sampler

from hpa.core.seeding import seed_of
from hpa.data.bag_packing import bag_rows, packed_in_order, packed_shuffled
from hpa.interfaces import Unit


@dataclass(frozen=True)
class BatchRequest:
    """The cells of one batch.

    Attributes:
        epoch: Epoch the batch belongs to; with the seed it decides the augmentation.
        rows: Rows of the cell table.
    """

    epoch: int
    rows: Int[np.ndarray, " cell"]


class CellSampler(Sampler[BatchRequest]):
    """Draws batches of about `batch_cells` cells.

    Attributes:
        image_of_row: For each cell that may be drawn, its image.
        unit: "cell" shuffles all cells; "image" keeps the cells of an image in one batch.
        batch_cells: Cells a batch; with unit "image" a batch closes before it would exceed this.
        cells_per_image: With unit "image", at most so many cells of an image, drawn anew every epoch.
        shuffle: Off for validation: table order, nothing left out.
        epoch: The epoch to draw next; a resumed run does not begin at 0.
    """

    def __init__(
        self,
        rows: Int[np.ndarray, " row"],
        image_of_row: Int[np.ndarray, " row"],
        *,
        unit: Unit,
        batch_cells: int,
        cells_per_image: int,
        seed: int,
        shuffle: bool,
        epoch: int = 0,
    ) -> None:
        self.rows = rows
        self.image_of_row = image_of_row
        self.unit = unit
        self.batch_cells = batch_cells
        self.cells_per_image = cells_per_image
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; the trainer calls it."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[BatchRequest]:
        """Give the batches of the epoch."""
        epoch = self.epoch
        return (BatchRequest(epoch, rows) for rows in self._batches(epoch))

    def __len__(self) -> int:
        """Count the batches of the epoch: the same for every epoch, since the trainer asks once."""
        return len(self._batches(self.epoch))

    def _batches(self, epoch: int) -> list[Int[np.ndarray, " _"]]:
        if self.unit == "image":
            return self._batches_of_bags(epoch)
        order = self._generator(epoch).permutation(self.rows) if self.shuffle else self.rows
        return [order[start : start + self.batch_cells] for start in range(0, len(order), self.batch_cells)]

    def _batches_of_bags(self, epoch: int) -> list[Int[np.ndarray, " _"]]:
        bags = bag_rows(self.rows, self.image_of_row)
        if not self.shuffle:
            batches = packed_in_order([len(bag) for bag in bags], self.batch_cells)
            return [np.concatenate([bags[index] for index in batch]) for batch in batches]
        generator = self._generator(epoch)
        limit = self.cells_per_image
        bags = [bag if len(bag) <= limit else np.sort(generator.choice(bag, limit, replace=False)) for bag in bags]
        sizes = [len(bag) for bag in bags]
        batches = packed_shuffled(sizes, self.batch_cells, self.seed, epoch)
        return [np.concatenate([bags[index] for index in batch]) for batch in batches]

    def _generator(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.seed, "order", epoch))
