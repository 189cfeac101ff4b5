"""How batches of tiles are loaded (`loading` of task=pixels)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TileLoading:
    """How batches of tiles are loaded.

    Attributes:
        batch_tiles: Tiles a batch.
        workers: Processes that load; 0 loads in the training process.
    """

    batch_tiles: int
    workers: int
