"""Training cells, prepared once, and the DataModule that serves them in batches."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from hpa.cells.corrected_cells import corrections_of
from hpa.cells.crops import CropSpec
from hpa.cells.dataset import CellDataset, rows_of_images
from hpa.cells.fields.store import StoredFields
from hpa.cells.loading import CellLoading
from hpa.cells.sampling.sampler import CellSampler
from hpa.cells.store import CellStore, StoredCells
from hpa.core.errors import InputError
from hpa.core.few import few_of
from hpa.core.folds import assign_folds
from hpa.core.image_table import ImageTable
from hpa.core.loader_signals import outlast_signals_of_the_group
from hpa.device import has_gpu
from hpa.interfaces import CellAugmentation, CellBatch, ImageSource, Sampling, Segmenter, Unit
from hpa.sources.duplicates import with_duplicate_groups
from hpa.sources.fold_plan import FoldPlan

log = logging.getLogger(__name__)

OVERFIT_CELLS = 8
"""Cells of each image that a run which overfits learns by heart; of models that see whole images, all of them."""


@dataclass(frozen=True)
class PreparedCells:
    """The training cells of a data set: segmented, cropped, and dealt into folds.

    Attributes:
        source: The images.
        table: The images with their folds.
        stored: Their cells.
        folds: Which fold is held out.
        cell_targets: Classes of the cells that have truth (NaN rows elsewhere), or None.
        corrected_targets: Classes of the cells that were corrected (NaN rows elsewhere), or None.
    """

    source: ImageSource
    table: ImageTable
    stored: StoredCells
    folds: FoldPlan
    cell_targets: Float32[np.ndarray, "cell class"] | None
    corrected_targets: Float32[np.ndarray, "cell class"] | None = None

    def rows(self, validation: bool) -> Int[np.ndarray, " cell"]:
        """Return the rows of the cells that train or validate."""
        held_out = self.table.frame["fold"].to_numpy() == self.folds.held_out
        images = np.flatnonzero(held_out if validation else ~held_out)
        return rows_of_images(self.stored.cells["image"].to_numpy(), images)


def prepare_cells(
    source: ImageSource,
    segmenter: Segmenter,
    store: CellStore,
    crop: CropSpec,
    folds: FoldPlan,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> PreparedCells:
    """Read the table, check it, deal it into folds, and fill the store with the cells of every image.

    Raises:
        DataError: Naming all problems of the data set at once.
        InputError: If the segmenter finds no cell in any image.
    """
    table = source.table("train").require_usable()
    for warning in table.warnings:
        log.warning("%s", warning)
    folds.require_groups(list(table.frame["group"]), table.where)  # before images are read
    if folds.find_duplicates:
        table = with_duplicate_groups(source, table, "train", store.cache).require_usable()
        folds.require_groups(list(table.frame["group"]), f"{table.where}, its duplicates together,")
    groups = list(table.frame["group"])
    fold = assign_folds(table.targets(), groups, folds.count, folds.seed, table.class_names)
    table = table.with_frame(table.frame.assign(fold=fold))
    corrections = corrections_of(source)
    if corrections is not None:
        segmenter = corrections.segmenter(segmenter, table)
    stored = store.prepare(source, table, "train", segmenter, crop, max(1, workers), on_progress)
    if not len(stored.cells):
        raise InputError(
            f"{table.where}: the segmenter found no cell in any of {len(table)} images. "
            "Check data.channels and data.pixel_um, look at an image, or choose another segmenter=."
        )
    corrected = None if corrections is None else corrections.targets(stored, table)
    cells = PreparedCells(source, table, stored, folds, _cell_targets(source, table, stored), corrected)
    _warn_of_equal_labels(cells)
    return cells


def _warn_of_equal_labels(cells: PreparedCells) -> None:
    targets, labels = cells.table.targets(), cells.table.frame["classes"]
    if len(targets) > 1 and cells.cell_targets is None and (targets == targets[0]).all():
        log.warning(
            "%s: all %d images have the labels %s; images without them are needed to learn how these classes look",
            cells.table.where,
            len(targets),
            labels.iloc[0],
        )


def _cell_targets(
    source: ImageSource, table: ImageTable, stored: StoredCells
) -> Float32[np.ndarray, "cell class"] | None:
    truth = source.cell_truth
    if truth is None:
        return None
    return np.concatenate([truth.targets_for(stored.segmentation(name).cells, name) for name in table.image_ids])


class CellDataModule(LightningDataModule):
    """Serves batches of prepared cells.

    Args:
        cells: The cells.
        loading: Sizes of batches, worker processes.
        unit: What batches keep together.
        cell_epochs: Epochs at the start that shuffle single cells although `unit` is "image".
        augmentation: Changes crops of the training folds, or None.
        sampling: How often each cell is drawn for training; None draws all alike.
        seed: Seed of order and augmentation.
        first_epoch: The epoch that is trained first, of a resumed run: loaders look ahead before the trainer has read
            its checkpoint.
        fields: The whole images for models that read those. Their images are kept whole, as each is read once.
    """

    def __init__(
        self,
        cells: PreparedCells,
        loading: CellLoading,
        unit: Unit,
        cell_epochs: int,
        augmentation: CellAugmentation | None,
        sampling: Sampling | None,
        seed: int,
        first_epoch: int,
        fields: StoredFields | None = None,
    ) -> None:
        super().__init__()
        self.source, self.table, self.stored = cells.source, cells.table, cells.stored
        self.folds, self.crop, self.cell_targets = cells.folds, cells.stored.spec, cells.cell_targets
        self._cells = cells
        self.corrected_targets = cells.corrected_targets
        if fields is not None:
            bound = loading.field_batch_cells
            loading = replace(loading, batch_cells=bound, cells_per_image=bound)
        self.loading = loading
        self.unit: Unit = unit if fields is None else "image"
        self.cell_epochs = cell_epochs if fields is None else 0
        self.augmentation = None if loading.overfit_images else augmentation
        self.sampling = sampling
        self.seed = seed
        self.first_epoch = first_epoch
        self.fields = fields

    def rows(self, validation: bool) -> Int[np.ndarray, " cell"]:
        """Return the rows of the cells that train or validate; of a run that overfits, both times the same few."""
        if not self.loading.overfit_images:
            return self._cells.rows(validation)
        rows = self._cells.rows(validation=False)
        image_of_row = self.stored.cells["image"].to_numpy(np.int64)[rows]
        images = few_of(np.unique(image_of_row), self.loading.overfit_images)
        bound = OVERFIT_CELLS if self.fields is None else len(rows)
        return np.concatenate([rows[image_of_row == image][:bound] for image in images])

    def train_dataloader(self) -> DataLoader[CellBatch]:
        """Serve the training folds."""
        return self._loader(validation=False)

    def val_dataloader(self) -> DataLoader[CellBatch]:
        """Serve the held-out fold in table order."""
        return self._loader(validation=True)

    def _loader(self, validation: bool) -> DataLoader[CellBatch]:
        dataset = CellDataset(
            self.stored,
            self.table.targets(),
            self.cell_targets,
            augmentation=None if validation else self.augmentation,
            seed=self.seed,
            fields=self.fields,
            corrected_targets=None if validation else self.corrected_targets,
        )
        rows = self.rows(validation)
        sampler = CellSampler(
            rows,
            dataset.image_of_row[rows],
            unit="image" if validation else self.unit,  # scores of images need all their cells in one batch
            batch_cells=self.loading.batch_cells,
            cells_per_image=self.loading.cells_per_image,
            seed=self.seed,
            shuffle=not validation,
            epoch=self.first_epoch,
            weights=None if validation or self.sampling is None else self._weights(rows, self.sampling),
            cell_epochs=self.cell_epochs,
        )
        if not validation:
            sampler.log_split_images()
        workers = self.loading.workers
        return DataLoader(
            dataset,
            sampler=sampler,
            batch_size=None,  # the sampler gives whole batches
            num_workers=workers,
            worker_init_fn=outlast_signals_of_the_group,
            persistent_workers=workers > 0,
            pin_memory=has_gpu(),
        )

    def _weights(self, rows: Int[np.ndarray, " row"], sampling: Sampling) -> Float64[np.ndarray, " row"]:
        images, image_of_row, cells = np.unique(
            self.stored.cells["image"].to_numpy(np.int64)[rows], return_inverse=True, return_counts=True
        )
        return sampling.weights(self.table.targets()[images], cells, self.unit)[image_of_row]
