"""How batches of tiles are loaded (`loading` of task=pixels)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TileLoading:
    """How batches of tiles are loaded.

    Attributes:
        batch_tiles: Tiles a batch.
        workers: Processes that load; 0 loads in the training process.
        overfit_images: Train and validate on so many images alone, the same in every epoch, nothing augmented
            (debug=overfit); None trains as usual.
    """

    batch_tiles: int
    workers: int
    overfit_images: int | None = None
