"""Which cells form a batch: shuffled cells, or whole images, always the same for the same (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from torch.utils.data import Sampler

from hpa.core.seeding import seed_of
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
        """Count the batches of the epoch."""
        return len(self._batches(self.epoch))

    def _batches(self, epoch: int) -> list[Int[np.ndarray, " _"]]:
        generator = np.random.default_rng(seed_of(self.seed, "order", epoch))
        if self.unit == "cell":
            order = generator.permutation(self.rows) if self.shuffle else self.rows
            return [order[start : start + self.batch_cells] for start in range(0, len(order), self.batch_cells)]
        return _packed(self._bags(generator), self.batch_cells)

    def _bags(self, generator: np.random.Generator) -> list[Int[np.ndarray, " _"]]:
        order = np.argsort(self.image_of_row, kind="stable")
        starts = np.flatnonzero(np.diff(self.image_of_row[order], prepend=-1))
        bags = np.split(self.rows[order], starts[1:])
        if not self.shuffle:
            return bags
        bags = [bags[index] for index in generator.permutation(len(bags))]
        limit = self.cells_per_image
        return [bag if len(bag) <= limit else np.sort(generator.choice(bag, limit, replace=False)) for bag in bags]


def _packed(bags: list[Int[np.ndarray, " _"]], batch_cells: int) -> list[Int[np.ndarray, " _"]]:
    batches: list[list[Int[np.ndarray, " _"]]] = []
    filled = batch_cells
    for bag in bags:
        if filled + len(bag) > batch_cells:
            batches.append([])
            filled = 0
        batches[-1].append(bag)
        filled += len(bag)
    return [np.concatenate(batch) for batch in batches]
