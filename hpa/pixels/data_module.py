"""The DataModule of pixels: table, folds, prepared images, loaders. Any image source, any target."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Int
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from hpa.core.errors import InputError
from hpa.core.folds import assign_folds
from hpa.core.image_table import ImageTable
from hpa.core.seeding import seed_of
from hpa.device import has_gpu
from hpa.interfaces import ImageSource, Instances, InstanceTruth, PixelBatch, Segmenter
from hpa.pixels.dataset import PixelDataset, TileSampler
from hpa.pixels.loading import TileLoading
from hpa.pixels.store import PixelStore
from hpa.pixels.tiles import TileAugmentation, TileSpec
from hpa.sources.fold_plan import FoldPlan
from hpa.sources.image_facts import PixelFacts

log = logging.getLogger(__name__)


class PixelDataModule(LightningDataModule):
    """Serves tiles of an image source whose instances are known.

    The outlines are those of the source where it has them, else those that a segmenter draws, each with the class of
    its image, which then must show one type only.

    Images without a truth are dealt to the folds too, apart from the others, whose folds they do not change. They train
    where an earlier run teaches them, and never validate.

    Attributes:
        source: The images.
        table: The images with their folds; known after `prepare`.
        facts: What is known of them beside; known after `prepare`.
        first_epoch: The epoch that training begins with; a resumed run sets it.

    Args:
        source: The images.
        segmenter: Draws outlines where the source has none.
        store: Keeps prepared images.
        tiles: Size and number of tiles.
        folds: Which images are held out.
        loading: Batches.
        augmentation: Cuts and changes tiles of the training folds.
        seed: Seed of order and augmentation.
    """

    table: ImageTable
    facts: PixelFacts

    def __init__(
        self,
        source: ImageSource,
        segmenter: Segmenter | None,
        store: PixelStore,
        tiles: TileSpec,
        folds: FoldPlan,
        loading: TileLoading,
        augmentation: TileAugmentation,
        seed: int,
    ) -> None:
        super().__init__()
        self.source = source
        self.segmenter = segmenter
        self.store = store
        self.tiles = tiles
        self.folds = folds
        self.loading = loading
        self.augmentation = augmentation
        self.seed = seed
        self.first_epoch = 0
        self._taught: set[str] = set()

    def prepare(self, on_progress: Callable[[int, int], None]) -> None:
        """Read the table, check it, fold it, and prepare every image.

        Raises:
            DataError: Naming all problems of the data set at once.
        """
        table = self.source.table("train").require_usable()
        for warning in table.warnings:
            log.warning("%s", warning)
        self.facts = PixelFacts.of(table, self.store.spec)
        self.table = table.with_frame(table.frame.assign(fold=self._folds(table)))
        self.store.prepare(self.source, self.table, "train", self._instances, max(1, self.loading.workers), on_progress)

    def rows(self, validation: bool) -> Int[np.ndarray, " image"]:
        """Return the rows of the images that train or validate."""
        if validation:
            return np.flatnonzero(self._held_out() & self.facts.has_truth)
        taught = np.array([image_id in self._taught for image_id in self.table.image_ids])
        return np.flatnonzero(~self._held_out() & (self.facts.has_truth | taught))

    def held_out_without_truth(self) -> Int[np.ndarray, " image"]:
        """Return the rows of held-out images that nobody drew: they are predicted, not scored."""
        return np.flatnonzero(self._held_out() & ~self.facts.has_truth)

    def teach(self, image_id: str, said: Float32[np.ndarray, "height width"]) -> None:
        """Take what earlier runs said of an image that trains: how probably each pixel is inside, at any size."""
        self.store.add_soft_targets(image_id, said)
        self._taught.add(image_id)

    def training_tiles(self) -> list[tuple[int, int]]:
        """List the tiles of an epoch: row of the image and number of the tile in it."""
        return [
            (int(row), number)
            for row in self.rows(validation=False)
            for number in range(self.tiles.count_of(*self.store.read(self.table.image_ids[row]).label_map.shape))
        ]

    def train_dataloader(self) -> DataLoader[PixelBatch]:
        """Serve tiles of the training folds."""
        sampler = TileSampler(self.training_tiles(), self.loading.batch_tiles, self.seed, True, self.first_epoch)
        return self._loader(sampler, self.augmentation)

    def val_dataloader(self) -> DataLoader[PixelBatch]:
        """Serve the images of the held-out fold, whole, one a batch, in table order."""
        whole = [(int(row), 0) for row in self.rows(validation=True)]
        return self._loader(TileSampler(whole, 1, self.seed, False, 0), None)

    def _loader(self, sampler: TileSampler, augmentation: TileAugmentation | None) -> DataLoader[PixelBatch]:
        return DataLoader(
            PixelDataset(self.store, self.table.image_ids, self.facts, self.tiles.side_px, augmentation, self.seed),
            sampler=sampler,
            batch_size=None,  # the sampler gives whole batches
            num_workers=self.loading.workers,
            persistent_workers=self.loading.workers > 0,
            pin_memory=has_gpu(),
        )

    def _folds(self, table: ImageTable) -> Int[np.ndarray, " image"]:
        """Return the fold of each image: those with a truth balanced, the others by lot."""
        known, unknown = np.flatnonzero(self.facts.has_truth), np.flatnonzero(~self.facts.has_truth)
        count, seed = self.folds.count, self.folds.seed
        if len(known) < count:
            raise InputError(f"{table.where}: {len(known)} images cannot fill {count} folds; lower folds.count.")
        fold = np.zeros(len(table), np.int64)
        groups = list(table.frame["group"].iloc[known])
        fold[known] = assign_folds(_strata(table)[known], groups, count, seed)
        lot = np.random.default_rng(seed_of(seed, "without truth")).permutation(len(unknown))
        fold[unknown] = lot % count
        return fold

    def _held_out(self) -> Bool[np.ndarray, " image"]:
        return self.table.frame["fold"].to_numpy() == self.folds.held_out

    def _instances(self, image_id: str) -> Instances:
        row = self.table.image_ids.index(image_id)
        if not self.facts.has_truth[row]:
            sides = tuple(int(self.table.frame[side].iloc[row]) for side in ("height", "width"))
            return Instances(np.zeros(sides, np.int32), np.zeros(0, np.int64))
        if isinstance(self.source, InstanceTruth):
            return self.source.instances(image_id)
        if self.segmenter is None:
            raise InputError(f"{image_id}: the data set has no outlines; choose a segmenter= that draws them.")
        cells = self.segmenter.segment([self.source.read(image_id, "train")])[0].cells
        named = np.flatnonzero(self.table.targets()[row])
        if len(named) != 1:
            raise InputError(
                f"its label names {len(named)} classes; instances inherit the type of pure images, name one."
            )
        return Instances(cells, np.full(int(cells.max(initial=0)), int(named[0]), np.int64))


def _strata(table: ImageTable) -> Int[np.ndarray, "image stratum"]:
    """Return what folds are balanced by: the kind or organ of an image where the table tells it, else its classes."""
    for column in ("kind", "organ", "cell_line"):
        if column in table.frame:
            values = table.frame[column].astype(str).to_numpy()
            return (values[:, None] == np.unique(values)[None, :]).astype(np.int64)
    return table.targets().astype(np.int64)
