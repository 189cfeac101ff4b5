"""Settings of every DataModule: which images are held out, and how batches are loaded."""

from __future__ import annotations

from dataclasses import dataclass

from hpa.core.errors import InputError


@dataclass(frozen=True)
class FoldPlan:
    """Which images are held out.

    Attributes:
        count: Number of folds.
        held_out: The fold that validates.
        seed: Seed of the assignment; runs of one ensemble share it.
        find_duplicates: Whether exact and near duplicates are searched, so that they share a fold.
    """

    count: int
    held_out: int
    seed: int
    find_duplicates: bool

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < self.count or self.count < 2:
            raise InputError(
                f"folds need count >= 2 and 0 <= held_out < count; came count={self.count}, held_out={self.held_out}."
            )


@dataclass(frozen=True)
class Loading:
    """How batches are loaded.

    Attributes:
        batch_cells: Cells a batch.
        cells_per_image: Bound on the cells of a bag, for strategies that need cells of an image together: an image with
            more comes as several bags an epoch.
        workers: Processes that load; 0 loads in the training process.
        batch_tiles: Tiles a batch, for networks of pixels.
        field_batch_cells: In place of `batch_cells` and `cells_per_image` where whole fields are seen: fields share a
            batch while they hold no more cells together; a larger one comes several times, with a part of them each.
    """

    batch_cells: int
    cells_per_image: int
    workers: int
    batch_tiles: int
    field_batch_cells: int
