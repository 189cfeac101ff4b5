"""Cells that a segmenter finds are classified (`task=cells`)."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from hpa.app.progress import show_progress
from hpa.app.results import write_results
from hpa.app.task import Parts
from hpa.cells.data_module import CellDataModule
from hpa.cells.validation_fields import validation_fields
from hpa.config import Config, build
from hpa.core.channels import union_of_channels
from hpa.core.errors import InputError
from hpa.interfaces import CellModel, SeesFields
from hpa.metrics.cell_validation import CellValidation
from hpa.reports.validation_picture import validation_picture
from hpa.stages.teachers import digests_of_teachers, teach
from hpa.supervision.attach import attach_to
from hpa.training.module import TrainingModule
from hpa.training.provenance import Provenance
from hpa.training.run_folder import RunFolder


class CellTask:
    """Segment, cut cells out, and train a network to classify them from the labels of their images."""

    def assemble(self, config: Config, first_epoch: int) -> Parts:
        """Build everything a run needs and prepare its cells.

        Raises:
            InputError: If the model looks at pixels instead of cells.
        """
        channels = tuple(config["data"]["channels"])
        segmenter = build(config["segmenter"])
        source = build(config["data"], channels=union_of_channels(channels, segmenter.channels))
        supervision = build(config["supervision"], loss=build(config["loss"]))
        data = CellDataModule(
            source,
            segmenter,
            build(config["store"]),
            build(config["crop"], channels=channels),
            build(config["folds"]),
            build(config["loading"]),
            build(config["augment"]),
            unit=supervision.unit,
            seed=config["seed"],
            sampling=_chosen(config, "sampling"),
            cell_epochs=int(getattr(supervision, "bags_from", 0.0) * config["trainer"]["max_epochs"]),
        )
        data.first_epoch = first_epoch
        data.prepare(show_progress("cells"))
        model = build(config["model"], channel_count=len(channels), class_count=len(source.class_names))
        if not isinstance(model, CellModel):
            raise InputError("task=cells classifies cells, and this model= looks at pixels; choose task=pixels for it.")
        if isinstance(model, SeesFields):
            spec = build(config["field"], channels=channels)
            data.show_fields(spec, model.stride, build(config["field_augment"]), show_progress("fields"))
        attach_to(supervision, model)
        teach(supervision, data)
        validation = CellValidation(build(config["metric"]), validation_fields(data))
        module = TrainingModule(
            cast("nn.Module", model),
            supervision,
            build(config["optimizer"]),
            validation,
            _chosen(config, "batch_augment"),
        )
        module.identity = {
            "config": config,
            "channels": list(channels),
            "class_names": list(source.class_names),
            "seed": config["seed"],
        }
        counts = (len(data.rows(validation=False)), len(data.rows(validation=True)))
        return Parts(
            data,
            module,
            fit=build(config["trainer"]),
            unit="cell",
            count=counts[0],
            description=f"{len(data.table)} images, {counts[0]} cells train, {counts[1]} are held out",
            picture=validation_picture(data, validation),
            images=Provenance.of(data.table, data.folds.held_out, data.stored),
            teachers=digests_of_teachers(supervision),
        )

    def write_results(self, run: RunFolder, config: Config, parts: Parts) -> None:
        """Write predictions of the held-out cells and the page."""
        write_results(run, config, parts.data)


def _chosen(config: Config, slot: str) -> Any:
    """Return the part of a slot, None where a run of before there was such a slot goes on."""
    return build(config[slot]) if slot in config else None
