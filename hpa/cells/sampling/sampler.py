"""Which cells form a batch: shuffled cells, or bags of cells of one image; fixed by (seed, epoch).

With several devices each trains and validates on its own batches of an epoch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from torch.utils.data import Sampler

from hpa.cells.sampling.order import bag_rows, drawn_by_weight, packed_in_order, packed_shuffled, repeats_of
from hpa.core.seeding import seed_of
from hpa.interfaces import Unit
from hpa.ranks import share_of_device

log = logging.getLogger(__name__)

RowsAndRepeats = tuple[Int[np.ndarray, " cell"], Int[np.ndarray, " cell"]]


@dataclass(frozen=True)
class BatchRequest:
    """The cells of one batch.

    Attributes:
        epoch: Epoch the batch belongs to; with the seed it decides the augmentation.
        rows: Rows of the cell table.
        repeats: How often each row was drawn before in this epoch, or with bags, how many bags of its image: it too
            decides the augmentation, and separates the bags of an image; None where nothing is drawn twice.
    """

    epoch: int
    rows: Int[np.ndarray, " cell"]
    repeats: Int[np.ndarray, " cell"] | None = None


class CellSampler(Sampler[BatchRequest]):
    """Draws batches of about `batch_cells` cells.

    Attributes:
        image_of_row: For each cell that may be drawn, its image.
        unit: "cell" shuffles all cells; "image" keeps cells of an image together, in bags.
        batch_cells: Cells a batch; with unit "image" a batch closes before it would exceed this.
        cells_per_image: With unit "image", the most cells of a bag: an image with more comes as several bags of nearly
            equal size, each with the labels of the image; which cells share a bag is drawn anew every epoch.
        shuffle: Off for validation: table order, nothing left out.
        epoch: The epoch to draw next; a resumed run does not begin at 0.
        cell_epochs: With unit "image", so many epochs at first shuffle all cells nevertheless.
        weights: How often each row is drawn against others, > 0; with bags, a bag weighs what its rows weigh. None, or
            all equal: each once. The number of batches does not depend on them.
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
        weights: Float64[np.ndarray, " row"] | None = None,
        cell_epochs: int = 0,
    ) -> None:
        self.rows = rows
        self.image_of_row = image_of_row
        self.unit = unit
        self.batch_cells = batch_cells
        self.cells_per_image = cells_per_image
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = epoch
        self.cell_epochs = cell_epochs
        self.weights = np.ones(len(rows)) if weights is None else weights

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw next; the trainer calls it."""
        self.epoch = epoch

    def log_split_images(self) -> None:
        """Log how many images have more cells than a bag holds."""
        cells = np.unique(self.image_of_row, return_counts=True)[1]
        crowded = int((cells > self.cells_per_image).sum())
        if self.unit == "image" and crowded:
            log.info(
                "%d of %d images have more than %d cells, up to %d; each of them comes as several bags, drawn anew in "
                "every epoch (loading.cells_per_image)",
                *(crowded, len(cells), self.cells_per_image, cells.max()),
            )

    def __iter__(self) -> Iterator[BatchRequest]:
        """Give the batches of the epoch."""
        return iter(self._requests(self.epoch))

    def __len__(self) -> int:
        """Count the batches of the epoch: the same for every epoch, since the trainer reads it once."""
        return len(self._requests(self.epoch))

    def _requests(self, epoch: int) -> list[BatchRequest]:
        drawn = self._cells(epoch) if self.unit == "cell" else self._bags(epoch)
        if self.unit == "image" and self.shuffle and epoch < self.cell_epochs:
            drawn = self._cells(epoch, len(drawn))
        requests = [BatchRequest(epoch, rows, repeats if repeats.any() else None) for rows, repeats in drawn]
        return share_of_device(requests, may_repeat=not self.shuffle)

    def _cells(self, epoch: int, count: int | None = None) -> list[RowsAndRepeats]:
        """Return all cells in batches of equal size, or in so many of nearly equal size."""
        order = np.arange(len(self.rows))
        if self.shuffle:
            order = drawn_by_weight(self.weights, self._generator(epoch))
        rows, repeats = self.rows[order], repeats_of(order)
        ends = list(range(self.batch_cells, len(order), self.batch_cells)) if count is None else count
        if isinstance(ends, list) and ends and self.shuffle and len(order) - ends[-1] == 1 < self.batch_cells - 1:
            ends[-1] -= 1  # batch normalisation has no statistics of a single cell
        return list(zip(np.array_split(rows, ends), np.array_split(repeats, ends), strict=True))

    def _bags(self, epoch: int) -> list[RowsAndRepeats]:
        whole = bag_rows(self.rows, self.image_of_row)
        if not self.shuffle:
            batches = packed_in_order([len(bag) for bag in whole], self.batch_cells)
            return [_concatenated([whole[index] for index in batch], [0] * len(batch)) for batch in batches]
        generator = self._generator(epoch)
        parts = [_split_at_random(bag, self.cells_per_image, generator) for bag in whole]
        image_of_bag = np.repeat(np.arange(len(parts)), [len(bags) for bags in parts])
        bags = [bag for of_image in parts for bag in of_image]
        weights = np.array([bag[0] for bag in bag_rows(self.weights, self.image_of_row)])[image_of_bag]
        batches = packed_shuffled([len(bag) for bag in bags], self.batch_cells, self.seed, epoch)
        if np.ptp(weights) > 0:
            batches = self._weighted(bags, weights, len(batches), generator)
        repeats = iter(repeats_of(image_of_bag[[index for batch in batches for index in batch]]).tolist())
        return [_concatenated([bags[index] for index in batch], [next(repeats) for _ in batch]) for batch in batches]

    def _weighted(
        self,
        bags: list[Int[np.ndarray, " _"]],
        weights: Float64[np.ndarray, " bag"],
        count: int,
        generator: np.random.Generator,
    ) -> list[list[int]]:
        """Draw bags by weight until they fill so many batches."""
        order: list[int] = []
        batches: list[list[int]] = []
        while len(batches) < count:
            order += drawn_by_weight(weights, generator).tolist()
            batches = packed_in_order([len(bags[index]) for index in order], self.batch_cells)
        return [[order[place] for place in batch] for batch in batches[:count]]

    def _generator(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.seed, "order", epoch))


def _split_at_random(
    bag: Int[np.ndarray, " _"], limit: int, generator: np.random.Generator
) -> list[Int[np.ndarray, " _"]]:
    """Split a bag at random into as few equal ones as the limit allows."""
    if len(bag) <= limit:
        return [bag]
    return [np.sort(part) for part in np.array_split(generator.permutation(bag), -(-len(bag) // limit))]


def _concatenated(bags: list[Int[np.ndarray, " _"]], repeats: list[int]) -> RowsAndRepeats:
    return np.concatenate(bags), np.repeat(repeats, [len(bag) for bag in bags])
