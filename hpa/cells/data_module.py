"""The DataModule of cells: table, folds, cell store, loaders. Any image source, any segmenter."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64, Int
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from hpa.cells.crops import CropSpec
from hpa.cells.dataset import CellDataset, rows_of_images
from hpa.cells.fields.spec import FieldSpec
from hpa.cells.fields.store import FieldStore, StoredFields
from hpa.cells.fields.views import FieldViews
from hpa.cells.loading import CellLoading
from hpa.cells.sampling.sampler import CellSampler
from hpa.cells.store import CellStore, StoredCells
from hpa.core.errors import InputError
from hpa.core.folds import assign_folds
from hpa.core.image_table import ImageTable
from hpa.device import has_gpu
from hpa.interfaces import CellAugmentation, CellBatch, FieldAugmentation, ImageSource, Sampling, Segmenter, Unit
from hpa.sources.duplicates import with_duplicate_groups
from hpa.sources.fold_plan import FoldPlan

log = logging.getLogger(__name__)


class CellDataModule(LightningDataModule):
    """Prepares cells once and serves batches of them.

    Attributes:
        table: Images with folds, after `prepare`.
        stored: Their cells, after `prepare`.
        cell_targets: Classes of the cells that have truth (NaN rows elsewhere), or None.
        first_epoch: Epoch that is trained first; a resumed run sets it, since loaders look ahead before the trainer
            has read its checkpoint.
    """

    table: ImageTable
    stored: StoredCells
    cell_targets: Float32[np.ndarray, "cell class"] | None

    def __init__(
        self,
        source: ImageSource,
        segmenter: Segmenter,
        store: CellStore,
        crop: CropSpec,
        folds: FoldPlan,
        loading: CellLoading,
        augmentation: CellAugmentation | None,
        unit: Unit,
        seed: int,
        sampling: Sampling | None = None,
        cell_epochs: int = 0,
    ) -> None:
        super().__init__()
        self.source = source
        self.segmenter = segmenter
        self.store = store
        self.crop = crop
        self.folds = folds
        self.loading = loading
        self.augmentation = augmentation
        self.unit = unit
        self.seed = seed
        self.sampling = sampling
        self.cell_epochs = cell_epochs
        self.first_epoch = 0
        self._fields: StoredFields | None = None
        self._field_augmentation: FieldAugmentation | None = None

    def prepare(self, on_progress: Callable[[int, int], None]) -> None:
        """Read the table, check it, fold it, and make sure that every image's cells are in the store.

        Raises:
            DataError: Naming all problems of the data set at once.
        """
        table = self.source.table("train").require_usable()
        for warning in table.warnings:
            log.warning("%s", warning)
        if self.folds.find_duplicates:
            table = with_duplicate_groups(self.source, table, "train", self.store.cache).require_usable()
        fold = assign_folds(table.targets(), list(table.frame["group"]), self.folds.count, self.folds.seed)
        self.table = table.with_frame(table.frame.assign(fold=fold))
        self.stored = self.store.prepare(
            self.source, self.table, "train", self.segmenter, self.crop, max(1, self.loading.workers), on_progress
        )
        if not len(self.stored.cells):
            raise InputError(
                f"{table.where}: the segmenter found no cell in any of {len(table)} images. "
                "Check data.channels and data.pixel_um, look at an image, or choose another segmenter=."
            )
        self.cell_targets = self._cell_targets()

    def show_fields(
        self,
        spec: FieldSpec,
        stride: int,
        augmentation: FieldAugmentation | None,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Serve whole images with their cells from now on; images are kept whole, for each is seen once.

        Called after `prepare`.

        Raises:
            DataError: Naming all images that could not be read.
        """
        store = FieldStore(self.store.cache)
        workers = max(1, self.loading.workers)
        self._fields = store.prepare(self.source, "train", self.stored, spec, stride, workers, on_progress)
        self._field_augmentation = augmentation
        self.unit, self.cell_epochs = "image", 0
        bound = self.loading.field_batch_cells
        self.loading = replace(self.loading, batch_cells=bound, cells_per_image=bound)

    def rows(self, validation: bool) -> Int[np.ndarray, " cell"]:
        """Return the rows of the cells that train or validate."""
        held_out = self.table.frame["fold"].to_numpy() == self.folds.held_out
        images = np.flatnonzero(held_out if validation else ~held_out)
        return rows_of_images(self.stored.cells["image"].to_numpy(), images)

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
            fields=self._field_views(validation),
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
            persistent_workers=workers > 0,
            pin_memory=has_gpu(),
        )

    def _weights(self, rows: Int[np.ndarray, " row"], sampling: Sampling) -> Float64[np.ndarray, " row"]:
        images, image_of_row, cells = np.unique(
            self.stored.cells["image"].to_numpy(np.int64)[rows], return_inverse=True, return_counts=True
        )
        return sampling.weights(self.table.targets()[images], cells, self.unit)[image_of_row]

    def _field_views(self, validation: bool) -> FieldViews | None:
        if self._fields is None:
            return None
        return FieldViews(self._fields, None if validation else self._field_augmentation, self.seed)

    def _cell_targets(self) -> Float32[np.ndarray, "cell class"] | None:
        truth = self.source.cell_truth
        if truth is None:
            return None
        images = self.table.image_ids
        return np.concatenate([truth.targets_for(self.stored.segmentation(name).cells, name) for name in images])
