"""Training images with their instances, prepared once, and the DataModule that serves tiles of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from hpa.core.errors import InputError
from hpa.core.few import few_of
from hpa.core.folds import assign_folds
from hpa.core.image_table import ImageTable
from hpa.core.loader_signals import outlast_signals_of_the_group
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

AS_IT_IS = TileAugmentation(any_angle=False, mirror=False, min_scale=1.0, max_scale=1.0, transforms=[])
"""Crops tiles and changes nothing."""


@dataclass(frozen=True)
class PreparedImages:
    """The training images of a data set with their instances: scaled, stored, and dealt into folds.

    Attributes:
        source: The images.
        table: The images with their folds.
        facts: Their organs, pixel sizes, and which of them are annotated.
        store: Holds their planes, instances and targets.
        folds: Which fold is held out.
    """

    source: ImageSource
    table: ImageTable
    facts: PixelFacts
    store: PixelStore
    folds: FoldPlan


def prepare_images(
    source: ImageSource,
    segmenter: Segmenter | None,
    store: PixelStore,
    folds: FoldPlan,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> PreparedImages:
    """Read the table, check it, deal it into folds, and fill the store with every image.

    The outlines are those of the source where it has them, else those of a segmenter, each with the class of its image,
    which must then have exactly one. Images without annotation are dealt into folds apart from the others, whose folds
    they do not change.

    Args:
        source: The images.
        segmenter: Outlines the instances where the source has none.
        store: Keeps prepared images.
        folds: Which images are held out.
        workers: Threads.
        on_progress: Called with the number of images done and in all.

    Raises:
        DataError: Naming all problems of the data set at once.
    """
    table = source.table("train").require_usable()
    for warning in table.warnings:
        log.warning("%s", warning)
    facts = PixelFacts.of(table, store.spec)
    table = table.with_frame(table.frame.assign(fold=_folds_of(table, facts, folds)))
    reader = _InstanceReader(source, segmenter, table, facts)
    store.prepare(source, table, "train", reader, max(1, workers), on_progress)
    return PreparedImages(source, table, facts, store, folds)


class PixelDataModule(LightningDataModule):
    """Serves tiles of prepared images.

    Images without annotation train where there are soft targets for them, and never validate.

    Args:
        images: The images.
        tiles: Size and number of tiles.
        loading: Sizes of batches, worker processes.
        augmentation: Crops and changes tiles of the training folds.
        seed: Seed of order and augmentation.
        first_epoch: The epoch that is trained first, of a resumed run: loaders look ahead before the trainer has read
            its checkpoint.
        soft_targets: Image ids with the probability that each pixel is inside, of any size.
    """

    def __init__(
        self,
        images: PreparedImages,
        tiles: TileSpec,
        loading: TileLoading,
        augmentation: TileAugmentation,
        seed: int,
        first_epoch: int,
        soft_targets: Iterable[tuple[str, Float32[np.ndarray, "height width"]]] = (),
    ) -> None:
        super().__init__()
        self.table, self.facts, self.store, self.folds = images.table, images.facts, images.store, images.folds
        self.tiles = tiles
        self.loading = loading
        self.augmentation = AS_IT_IS if loading.overfit_images else augmentation
        self.seed = seed
        self.first_epoch = first_epoch
        self._softened: set[str] = set()
        for image_id, probabilities in soft_targets:
            images.store.add_soft_targets(image_id, probabilities)
            self._softened.add(image_id)

    def rows(self, validation: bool) -> Int[np.ndarray, " image"]:
        """Return the rows of the images that train or validate; of a run that overfits, both times the same few."""
        held_out, has_truth = self.table.frame["fold"].to_numpy() == self.folds.held_out, self.facts.has_truth
        if self.loading.overfit_images:
            return few_of(np.flatnonzero(~held_out & has_truth), self.loading.overfit_images)
        if validation:
            return np.flatnonzero(held_out & has_truth)
        softened = np.array([image_id in self._softened for image_id in self.table.image_ids])
        return np.flatnonzero(~held_out & (has_truth | softened))

    def held_out_without_truth(self) -> Int[np.ndarray, " image"]:
        """Return the rows of held-out images without annotation: they are predicted, not scored."""
        held_out = self.table.frame["fold"].to_numpy() == self.folds.held_out
        return np.flatnonzero(held_out & ~self.facts.has_truth)

    def training_tiles(self) -> list[tuple[int, int]]:
        """List the tiles of an epoch: row of the image and number of the tile in it."""
        return [
            (int(row), number)
            for row in self.rows(validation=False)
            for number in range(self.tiles.count_of(*self.store.read(self.table.image_ids[row]).label_map.shape))
        ]

    def train_dataloader(self) -> DataLoader[PixelBatch]:
        """Serve tiles of the training folds."""
        repeated = self.loading.overfit_images is not None
        sampler = TileSampler(
            self.training_tiles(), self.loading.batch_tiles, self.seed, True, self.first_epoch, repeated=repeated
        )
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
            worker_init_fn=outlast_signals_of_the_group,
            persistent_workers=self.loading.workers > 0,
            pin_memory=has_gpu(),
        )


class _InstanceReader:
    """Returns the instances of an image of the table, none of one without annotation."""

    def __init__(self, source: ImageSource, segmenter: Segmenter | None, table: ImageTable, facts: PixelFacts) -> None:
        self.source = source
        self.segmenter = segmenter
        self.table = table
        self.facts = facts

    def __call__(self, image_id: str) -> Instances:
        row = self.table.image_ids.index(image_id)
        if not self.facts.has_truth[row]:
            sides = tuple(int(self.table.frame[side].iloc[row]) for side in ("height", "width"))
            return Instances(np.zeros(sides, np.int32), np.zeros(0, np.int64))
        if isinstance(self.source, InstanceTruth):
            return self.source.instances(image_id)
        if self.segmenter is None:
            raise InputError(f"{image_id}: the data set has no outlines; choose a segmenter= that draws them.")
        cells = self.segmenter.segment([self.source.read(image_id, "train")])[0].cells
        classes = np.flatnonzero(self.table.targets()[row])
        if len(classes) != 1:
            raise InputError(
                f"its label names {len(classes)} classes; instances inherit the type of pure images, name one."
            )
        return Instances(cells, np.full(int(cells.max(initial=0)), int(classes[0]), np.int64))


def _folds_of(table: ImageTable, facts: PixelFacts, plan: FoldPlan) -> Int[np.ndarray, " image"]:
    """Return the fold of each image: annotated ones balanced, the others at random."""
    known, unknown = np.flatnonzero(facts.has_truth), np.flatnonzero(~facts.has_truth)
    fold = np.zeros(len(table), np.int64)
    groups = list(table.frame["group"].iloc[known])
    plan.require_groups(groups, table.where)
    strata, names = _strata(table)
    fold[known] = assign_folds(strata[known], groups, plan.count, plan.seed, names)
    order = np.random.default_rng(seed_of(plan.seed, "without truth")).permutation(len(unknown))
    fold[unknown] = order % plan.count
    return fold


def _strata(table: ImageTable) -> tuple[Int[np.ndarray, "image stratum"], tuple[str, ...]]:
    """Return what folds are balanced by, with names: the kind or organ of an image if the table has it, or classes."""
    for column in ("kind", "organ", "cell_line"):
        if column in table.frame:
            values = table.frame[column].astype(str).to_numpy()
            names = np.unique(values)
            return (values[:, None] == names[None, :]).astype(np.int64), tuple(map(str, names))
    return table.targets().astype(np.int64), tuple(table.class_names)
