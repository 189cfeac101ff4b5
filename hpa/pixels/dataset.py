"""Batches of tiles for training, of whole images for validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from hpa.core.seeding import seed_of
from hpa.interfaces import PixelBatch
from hpa.pixels.store import PixelStore
from hpa.pixels.tiles import Tile, TileAugmentation
from hpa.ranks import share_of_device
from hpa.sources.image_facts import PixelFacts


@dataclass(frozen=True)
class TileRequest:
    """The tiles of one batch.

    Attributes:
        epoch: Epoch of the batch; with the seed it decides where tiles lie.
        tiles: Row of the image and number of the tile among those of this image in the epoch.
    """

    epoch: int
    tiles: tuple[tuple[int, int], ...]


class TileSampler(Sampler[TileRequest]):
    """Draws batches of tiles in an order fixed by (seed, epoch).

    Attributes:
        tiles: Row and number of every tile of an epoch.
        batch_tiles: Tiles a batch.
        shuffle: Off for validation.
        epoch: The epoch to draw next; a resumed run does not begin at 0.
        repeated: Whether every epoch shows the same tiles.
    """

    def __init__(
        self,
        tiles: Sequence[tuple[int, int]],
        batch_tiles: int,
        seed: int,
        shuffle: bool,
        epoch: int,
        repeated: bool = False,
    ) -> None:
        self.tiles = list(tiles)
        self.batch_tiles = batch_tiles
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = epoch
        self.repeated = repeated

    def set_epoch(self, epoch: int) -> None:
        """Set the next epoch; the trainer calls it."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[TileRequest]:
        """Give the batches of the epoch."""
        order = np.arange(len(self.tiles))
        if self.shuffle:
            order = np.random.default_rng(seed_of(self.seed, "order", self.epoch)).permutation(order)
        batches = [order[start : start + self.batch_tiles] for start in range(0, len(order), self.batch_tiles)]
        for rows in share_of_device(batches, may_repeat=not self.shuffle):
            yield TileRequest(0 if self.repeated else self.epoch, tuple(self.tiles[row] for row in rows))

    def __len__(self) -> int:
        """Count the batches of the epoch, of this process."""
        return len(share_of_device(range(-(-len(self.tiles) // self.batch_tiles)), may_repeat=not self.shuffle))


class PixelDataset(Dataset[PixelBatch]):
    """Answers a request with a whole batch.

    Attributes:
        store: Prepared images.
        image_ids: Id of each row of the table.
        facts: Organ, pixel size and annotation of each row.
        augmentation: Crops the tiles; None gives whole images, one a batch.
    """

    def __init__(
        self,
        store: PixelStore,
        image_ids: Sequence[str],
        facts: PixelFacts,
        side_px: int,
        augmentation: TileAugmentation | None,
        seed: int,
    ) -> None:
        self.store = store
        self.image_ids = list(image_ids)
        self.facts = facts
        self.side_px = side_px
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        """Count the images."""
        return len(self.image_ids)

    def __getitem__(self, request: TileRequest) -> PixelBatch:
        """Return the batch of a request."""
        tiles = [self._tile(request.epoch, row, number) for row, number in request.tiles]
        rows = _rows(request)
        scales = np.array([tile.scale for tile in tiles], np.float32)
        return PixelBatch(
            images=torch.from_numpy(np.stack([tile.planes for tile in tiles])),
            targets=torch.from_numpy(np.stack([tile.targets for tile in tiles])),
            label_maps=torch.from_numpy(np.stack([tile.label_map for tile in tiles])),
            instance_classes=tuple(torch.from_numpy(np.array(tile.classes, np.int64)) for tile in tiles),
            image_row=torch.from_numpy(rows),
            organs=None if self.facts.organs is None else tuple(self.facts.organs[row] for row in rows),
            pixel_um=torch.from_numpy(self.facts.pixel_um[rows] / scales),
            has_truth=torch.from_numpy(self.facts.has_truth[rows]),
            soft_targets=_soft_targets(tiles),
        )

    def _tile(self, epoch: int, row: int, number: int) -> Tile:
        image = self.store.read(self.image_ids[row])
        if self.augmentation is None:
            planes, targets = np.array(image.planes, np.float32), np.array(image.targets, np.float32)
            return Tile(planes, targets, np.array(image.label_map), np.array(image.classes))
        seed = seed_of(self.seed, epoch, row, number)
        return self.augmentation(image, self.side_px, self.store.target, seed)


def _rows(request: TileRequest) -> Int[np.ndarray, " tile"]:
    return np.array([row for row, _ in request.tiles], np.int64)


def _soft_targets(tiles: Sequence[Tile]) -> Float[Tensor, "tile height width"] | None:
    """Return the soft targets of the tiles, NaN for tiles without any; None where no tile has any."""
    if all(tile.soft_targets is None for tile in tiles):
        return None
    empty = np.full(tiles[0].label_map.shape, np.nan, np.float32)
    return torch.from_numpy(np.stack([empty if tile.soft_targets is None else tile.soft_targets for tile in tiles]))
