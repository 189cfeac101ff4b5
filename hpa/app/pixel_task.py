"""A network of whole images learns instances or tissue (`task=pixels`): dense networks and detectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Int32, UInt8
from omegaconf import OmegaConf
from PIL import Image
from torch import nn

from hpa.app.networks import network_of
from hpa.app.parts import Config, build
from hpa.app.progress import show_progress
from hpa.app.run_folder import RunFolder
from hpa.app.task import Parts
from hpa.core.errors import InputError
from hpa.core.seeding import seed_of
from hpa.core.whole_file import whole_file
from hpa.data.label_map_files import read_label_map, write_label_map
from hpa.data.pixel_module import PixelDataModule
from hpa.data.pixel_store import PixelStore
from hpa.data.tiles import TileSpec
from hpa.inference.pixel_held_out import HeldOutTissue, write_held_out
from hpa.inference.pixel_predictor import PixelPredictor, TellsInside
from hpa.inference.precision import choose_device
from hpa.interfaces import InstanceTruth, PixelModel
from hpa.metrics.instance_validation import InstanceValidation
from hpa.metrics.segmentation import ImageCounts, count_image
from hpa.models.saved_run import read_saved_run
from hpa.reports.instance_page import InstanceFacts, write_instance_page
from hpa.reports.instance_panel import grid_of, outlined_pair
from hpa.reports.pictures import composite
from hpa.training.module import TrainingModule

PICTURES = 6
_WHOLE_PX = 1 << 14
"""Held-out images are predicted as validation saw them: whole."""


class PixelTask:
    """Teach a network every pixel of images whose instances are known or drawn by a segmenter."""

    def assemble(self, config: Config) -> Parts:
        """Build everything a run needs and prepare its images.

        Raises:
            InputError: If the model classifies cells instead.
        """
        channels = tuple(config["data"]["channels"])
        source = build(config["data"])
        model: Any = build(config["model"], channel_count=len(channels), class_count=len(source.class_names))
        if not isinstance(model, PixelModel):
            raise InputError("task=pixels needs a network of pixels; choose model=unet or model=mask_rcnn.")
        supervision = build(config["supervision"], loss=build(config["loss"]))
        if not getattr(supervision, "reads_pixels", False):
            raise InputError(
                "task=pixels: this supervision= teaches cells; choose supervision=direct for dense networks, "
                "supervision=detector for model=mask_rcnn."
            )
        data = self._data(config, source, channels, model)
        validation = InstanceValidation(build(config["metric"]), model.instances)
        module = TrainingModule(cast("nn.Module", model), supervision, build(config["optimizer"]), validation)
        module.identity = {
            "config": config,
            "channels": list(channels),
            "class_names": list(source.class_names),
            "seed": config["seed"],
        }
        counts = [len(data.rows(validation=held_out)) for held_out in (False, True)]
        tiles = len(data.training_tiles())
        told = f"{counts[0]} images train with {tiles} tiles an epoch, {counts[1]} are held out"
        return Parts(data, module, build(config["trainer"]), "tile", tiles, told, _picture(data, validation))

    def write_results(self, run: RunFolder, config: Config, parts: Parts) -> None:
        """Write label maps of the held-out images by the best weights (`held_out/`), and `held_out.csv` with scores.

        Of tissue also probabilities and masks (`held_out_probabilities/`), which thresholds are fitted to.
        """
        data: PixelDataModule = parts.data
        device = choose_device("auto" if config["trainer"]["accelerator"] == "auto" else "cpu")
        best = read_saved_run(run.checkpoints / "best.ckpt")
        model: Any = network_of(best)
        predictor = PixelPredictor(model, device, "fp32", _WHOLE_PX, 0, 1)
        folder = run.path / "held_out"
        folder.mkdir(exist_ok=True)
        table = []
        is_tissue = "organ" in data.table.frame and isinstance(model.target, TellsInside)
        for row in data.rows(validation=True):
            image_id = data.table.image_ids[row]
            image = data.store.read(image_id)
            found = predictor.predict(np.array(image.planes, np.float32))
            write_label_map(folder / f"{image_id}.tif", np.asarray(found.label_map, np.int32))
            if is_tissue:
                write_held_out(run.path, image_id, _held_out(data, row, predictor))
            table.append({"image_id": image_id, **_scores(count_image(found.label_map, np.array(image.label_map)))})
        scores = pd.DataFrame(table)
        with whole_file(run.path / "held_out.csv") as file:
            scores.to_csv(file, index=False)
        if config["report"]:
            facts = run.facts()
            write_instance_page(
                run.path / "report.html",
                InstanceFacts(
                    title=run.path.name,
                    command=" ".join(["python", *facts.get("command", [])]),
                    config_text=OmegaConf.to_yaml(config),
                    history=pd.read_csv(run.path / "metrics.csv"),
                    images=scores,
                    picture_of=lambda image_id: _drawn(data, image_id, read_label_map(folder / f"{image_id}.tif")),
                    best_epoch=best.epoch - 1,
                    seed=config["seed"],
                    commit=facts.get("commit"),
                ),
            )

    def _data(self, config: Config, source: Any, channels: tuple[str, ...], model: PixelModel) -> PixelDataModule:
        spec: TileSpec = build(config["tiles"])
        folder = Path(config["store"]["folder"]).expanduser() / "pixels"
        store = PixelStore(folder, spec.planes, channels, model.target, config["model"].get("target") or {})
        data = PixelDataModule(
            source,
            None if isinstance(source, InstanceTruth) else build(config["segmenter"]),
            store,
            spec,
            build(config["folds"]),
            build(config["loading"]),
            build(config["augment"]),
            config["seed"],
        )
        data.prepare(show_progress("images", "image"))
        return data


def _held_out(data: PixelDataModule, row: int, predictor: PixelPredictor) -> HeldOutTissue:
    """Return what thresholds are fitted to: an image at the network's own pixel size."""
    told = data.table.frame.iloc[row]
    image = data.store.read(str(told["image_id"]))
    return HeldOutTissue(
        predictor.probabilities(np.array(image.planes, np.float32)),
        np.array(image.label_map) > 0,
        str(told["organ"]),
        float(data.store.spec.pixel_um or told["pixel_um"]),
    )


def _scores(counts: ImageCounts) -> dict[str, float]:
    """Return what is told of one image."""
    precision = [at.average_precision for at in counts.at]
    return {
        "true": counts.true,
        "predicted": counts.predicted,
        "ap50": precision[0],
        "ap75": precision[5],
        "map": float(np.mean(precision)),
    }


def _picture(data: PixelDataModule, validation: InstanceValidation) -> Callable[[Path], None]:
    """Return a function that draws some held-out images with their true and their predicted outlines."""
    rows = data.rows(validation=True)
    shown = np.sort(np.random.default_rng(seed_of(data.seed, "picture")).permutation(rows)[:PICTURES])

    def draw(file: Path) -> None:
        seen = [int(row) for row in shown if int(row) in validation.predicted]
        pictures = [
            _drawn(data, data.table.image_ids[row], np.asarray(validation.predicted[row].label_map, np.int32))
            for row in seen
        ]
        if pictures:
            Image.fromarray(grid_of(pictures)).save(file)

    return draw


def _drawn(
    data: PixelDataModule, image_id: str, found: Int32[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Return an image with its true and its predicted outlines."""
    image = data.store.read(image_id)
    picture = composite(np.array(image.planes, np.float32), data.store.channels)
    return outlined_pair(picture, np.array(image.label_map), found)
