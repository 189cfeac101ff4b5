"""Cells that a segmenter finds are classified (`task=cells`)."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import nn

from hpa.app.estimated_rates import write_estimated_rates
from hpa.app.progress import show_progress
from hpa.app.results import write_cell_results
from hpa.app.task import Parts, identity_of
from hpa.cells.data_module import CellDataModule, PreparedCells, prepare_cells
from hpa.cells.fields.store import FieldStore, StoredFields
from hpa.cells.loading import CellLoading
from hpa.cells.validation_fields import validation_fields
from hpa.config import Config, build, build_nested
from hpa.core.artifacts import ArtifactCache
from hpa.core.errors import InputError
from hpa.intake.needed_channels import source_with
from hpa.interfaces import CellModel, ImageSource, SeesFields, Segmenter, Supervision, TrainingCells
from hpa.metrics.cell_validation import CellValidation
from hpa.models.network_size import bounded_network
from hpa.reports.validation_picture import validation_picture
from hpa.stages.teachers import digests_of_predictions, held_out_predictions, require_same_classes
from hpa.stages.trial_build import require_supervision
from hpa.supervision.corrected import CorrectedSupervision
from hpa.training.module import TrainingModule
from hpa.training.provenance import Provenance
from hpa.training.run_folder import RunFolder


class CellTask:
    """Segment, cut cells out, and train a network to classify them from the labels of their images."""

    def assemble(self, config: Config, first_epoch: int) -> Parts:
        """Build everything a run needs and prepare its cells.

        Raises:
            InputError: If the model looks at pixels instead of cells, or the strategy refuses its values.
        """
        channels = tuple(config["data"]["channels"])
        segmenter = build(config["segmenter"])
        source = source_with(config["data"], channels, config["segmenter"], segmenter)
        require_same_classes(config["supervision"], source.class_names)
        with bounded_network(config["model"]):
            model = build(config["model"], channel_count=len(channels), class_count=len(source.class_names))
        if not isinstance(model, CellModel):
            raise InputError("task=cells classifies cells, and this model= looks at pixels; choose task=pixels for it.")
        require_supervision(config, config["supervision"], model, model.class_count)  # before cells are segmented
        cells = self._cells(config, source, segmenter, channels)
        fields = self._fields(config, cells, channels, model.stride) if isinstance(model, SeesFields) else None
        loading: CellLoading = build(config["loading"])
        supervision: Supervision = build_nested(
            config["supervision"],
            loss=build(config["loss"]),
            model=model,
            held_out_of=lambda runs: held_out_predictions(runs, cells),
            training_cells=_training_cells(cells),
        )
        if cells.corrected_targets is not None:
            weight = config.get("corrected_weight", 1.0)  # runs of before there was the setting
            supervision = CorrectedSupervision(supervision, build(config["loss"]), weight)
        data = CellDataModule(
            cells,
            loading,
            supervision.unit,
            cell_epochs=int(supervision.image_batches_from * config["trainer"]["max_epochs"]),
            augmentation=build(config["augment"]),
            sampling=_chosen(config, "sampling"),
            seed=config["seed"],
            first_epoch=first_epoch,
            fields=fields,
        )
        validation = CellValidation(build(config["metric"]), validation_fields(data))
        module = TrainingModule(
            cast("nn.Module", model),
            supervision,
            build(config["optimizer"]),
            validation,
            identity_of(config, cells.table),
            None if loading.overfit_images else _chosen(config, "batch_augment"),
        )
        counts = (len(data.rows(validation=False)), len(data.rows(validation=True)))
        return Parts(
            data,
            module,
            fit=build(config["trainer"]),
            unit="cell",
            count=counts[0],
            description=f"{len(data.table)} images, {counts[0]} cells train, {_validating(loading, counts[1])}",
            picture=validation_picture(data, validation),
            images=Provenance.of(data.table, data.folds.held_out, data.stored),
            teachers=digests_of_predictions(supervision.teacher_runs),
        )

    def write_results(self, run: RunFolder, config: Config, parts: Parts, loggers: list[Any]) -> None:
        """Write predictions of the held-out cells, the page, rates of wrong labels; show the cells to the trackers."""
        write_cell_results(run, config, parts.data, loggers)
        supervision = cast("nn.Module", parts.module.supervision)
        write_estimated_rates(run, supervision, parts.data.source.class_names)

    def _cells(
        self, config: Config, source: ImageSource, segmenter: Segmenter, channels: tuple[str, ...]
    ) -> PreparedCells:
        return prepare_cells(
            source,
            segmenter,
            build(config["store"]),
            build(config["crop"], channels=channels),
            build(config["folds"]),
            config["loading"]["workers"],
            show_progress("finding and cutting out cells", "image"),
        )

    def _fields(self, config: Config, cells: PreparedCells, channels: tuple[str, ...], stride: int) -> StoredFields:
        spec, workers = build(config["field"], channels=channels), max(1, config["loading"]["workers"])
        store = FieldStore(ArtifactCache(config["store"]["folder"]))
        return store.prepare(
            cells.source, "train", cells.stored, spec, stride, workers, show_progress("storing whole images", "image")
        )


def _training_cells(cells: PreparedCells) -> TrainingCells:
    images = cells.stored.cells["image"].to_numpy(np.int64, copy=True)  # pandas hands over arrays that are read only
    return TrainingCells(torch.from_numpy(images), torch.from_numpy(cells.table.targets()))


def _validating(loading: CellLoading, count: int) -> str:
    return "validated on the same cells" if loading.overfit_images else f"{count} are held out"


def _chosen(config: Config, slot: str) -> Any:
    """Return the part of a slot, None where a run of before there was such a slot goes on."""
    return build(config[slot]) if slot in config else None
