"""How batches of cells are loaded (`loading` of task=cells)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CellLoading:
    """How batches of cells are loaded.

    Attributes:
        batch_cells: Cells a batch.
        cells_per_image: Bound on the cells of a bag, for strategies that need cells of an image together: an image with
            more comes as several bags an epoch.
        workers: Processes that load; 0 loads in the training process.
        field_batch_cells: Replaces `batch_cells` and `cells_per_image` for models that read whole images: images share
            a batch while they hold no more cells together; a larger one comes several times, each with some of them.
        overfit_images: Train and validate on so many images alone, the same in every epoch, nothing augmented
            (debug=overfit); None trains as usual.
    """

    batch_cells: int
    cells_per_image: int
    workers: int
    field_batch_cells: int
    overfit_images: int | None = None
