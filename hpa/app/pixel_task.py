"""A network of whole images learns instances or tissue (`task=pixels`): dense networks and detectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import nn

from hpa.app.progress import show_progress
from hpa.app.results import draw_outlines, write_pixel_results
from hpa.app.task import Parts, identity_of
from hpa.config import Config, build, build_nested
from hpa.core.artifacts import ArtifactCache
from hpa.core.errors import InputError
from hpa.core.seeding import seed_of
from hpa.interfaces import InstanceTruth, PixelModel, Supervision
from hpa.metrics.instance_validation import InstanceValidation
from hpa.models.network_size import bounded_network
from hpa.pixels.data_module import PixelDataModule, PreparedImages, prepare_images
from hpa.pixels.store import PixelStore
from hpa.pixels.tiles import TileSpec
from hpa.reports.overlays import grid_of_images
from hpa.stages.mask_teachers import digests_of_predictions, provenance_of, soft_masks
from hpa.training.module import TrainingModule
from hpa.training.run_folder import RunFolder

PICTURES = 6


class PixelTask:
    """Train a network on every pixel of images whose instances are known or outlined by a segmenter."""

    def assemble(self, config: Config, first_epoch: int) -> Parts:
        """Build everything a run needs and prepare its images.

        Raises:
            InputError: If the model classifies cells instead.
        """
        channels = tuple(config["data"]["channels"])
        source = build(config["data"])
        with bounded_network(config["model"]):
            model: Any = build(config["model"], channel_count=len(channels), class_count=len(source.class_names))
        if not isinstance(model, PixelModel):
            raise InputError("task=pixels needs a network of pixels; choose model=unet or model=mask_rcnn.")
        supervision: Supervision = build_nested(config["supervision"], loss=build(config["loss"]), model=model)
        images = self._images(config, source, channels, model)
        data = PixelDataModule(
            images,
            build(config["tiles"]),
            build(config["loading"]),
            build(config["augment"]),
            config["seed"],
            first_epoch,
            soft_masks(supervision.teacher_runs, images),
        )
        validation = InstanceValidation(build(config["metric"]), model.instances)
        module = TrainingModule(
            cast("nn.Module", model),
            supervision,
            build(config["optimizer"]),
            validation,
            identity_of(config, images.table),
        )
        counts = [len(data.rows(validation=held_out)) for held_out in (False, True)]
        tiles = len(data.training_tiles())
        description = f"{counts[0]} images train with {tiles} tiles an epoch, {counts[1]} are held out"
        if without := len(data.table) - sum(counts):
            description += (
                f", {without} without a mask are left out: they are held out, or no earlier run predicts them"
            )
        return Parts(
            data,
            module,
            fit=build(config["trainer"]),
            unit="tile",
            count=tiles,
            description=description,
            picture=_picture(data, validation),
            images=provenance_of(data),
            teachers=digests_of_predictions(supervision.teacher_runs),
        )

    def write_results(self, run: RunFolder, config: Config, parts: Parts, loggers: list[Any]) -> None:
        """Write predictions of the held-out images by the best weights, and the page."""
        del loggers
        write_pixel_results(run, config, parts.data)

    def _images(self, config: Config, source: Any, channels: tuple[str, ...], model: PixelModel) -> PreparedImages:
        spec: TileSpec = build(config["tiles"])
        cache = ArtifactCache(config["store"]["folder"])
        store = PixelStore(cache, spec.planes, channels, model.target, config["model"].get("target") or {})
        return prepare_images(
            source,
            None if isinstance(source, InstanceTruth) else build(config["segmenter"]),
            store,
            build(config["folds"]),
            config["loading"]["workers"],
            show_progress("preparing images", "image"),
        )


def _picture(data: PixelDataModule, validation: InstanceValidation) -> Callable[[Path], None]:
    """Return a function that draws some held-out images with their true and their predicted outlines."""
    rows = data.rows(validation=True)
    shown = np.sort(np.random.default_rng(seed_of(data.seed, "picture")).permutation(rows)[:PICTURES])

    def draw(file: Path) -> None:
        seen = [int(row) for row in shown if int(row) in validation.predicted]
        pictures = [
            draw_outlines(data, data.table.image_ids[row], np.asarray(validation.predicted[row].label_map, np.int32))
            for row in seen
        ]
        if pictures:
            Image.fromarray(grid_of_images(pictures)).save(file)

    return draw
