"""What a training of pixels leaves beside its checkpoints: label maps and scores of held-out images, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int32, UInt8
from omegaconf import OmegaConf

from hpa.config import Config
from hpa.core.planes import COLOURS
from hpa.core.whole_file import whole_file
from hpa.device import choose_device
from hpa.formats.label_maps import read_label_map, write_label_map
from hpa.inference.pixel_held_out import HeldOutTissue, write_held_out
from hpa.inference.pixel_predictor import PixelPredictor, TellsInside
from hpa.inference.saved_network import network_of
from hpa.interfaces import Instances
from hpa.metrics.segmentation import count_image
from hpa.metrics.tissue import dice_of_masks
from hpa.models.saved_run import read_saved_run
from hpa.pixels.data_module import PixelDataModule
from hpa.reports.instance_page import InstanceFacts, write_instance_page
from hpa.reports.overlays import instances_overlay, masks_overlay
from hpa.reports.pictures import composite
from hpa.training.run_folder import RunFolder

_WHOLE_PX = 1 << 14
"""Held-out images are predicted as validation saw them: whole."""
_FOLDER = "held_out"


def write_pixel_results(run: RunFolder, config: Config, data: PixelDataModule) -> None:
    """Write label maps of the held-out images by the best weights (`held_out/`), `held_out.csv` with scores, the page.

    Of tissue also probabilities and masks (`held_out_probabilities/`), which thresholds are fitted to and other runs
    are taught; of images that nobody drew the probabilities alone.
    """
    device = choose_device(config["trainer"]["accelerator"], "trainer.accelerator")
    best = read_saved_run(run.checkpoints / "best.ckpt")
    model: Any = network_of(best)
    predictor = PixelPredictor(model, device, "fp32", _WHOLE_PX, 0, 1)
    (run.path / _FOLDER).mkdir(exist_ok=True)
    is_tissue = data.facts.organs is not None and isinstance(model.target, TellsInside)
    table = []
    for row in data.rows(validation=True).tolist():
        image_id = data.table.image_ids[row]
        found = predictor.predict(np.array(data.store.read(image_id).planes, np.float32))
        write_label_map(_label_map_file(run, image_id), np.asarray(found.label_map, np.int32))
        table.append(_scores(data, row, found))
    if is_tissue:
        for row in (*data.rows(validation=True).tolist(), *data.held_out_without_truth().tolist()):
            write_held_out(run.path, data.table.image_ids[row], _said(data, row, predictor))
    scores = pd.DataFrame(table)
    with whole_file(run.path / "held_out.csv") as file:
        scores.to_csv(file, index=False)
    if config["report"]:
        write_instance_page(run.path / "report.html", _facts(run, config, data, scores, best.epoch - 1))


def drawn(
    data: PixelDataModule, image_id: str, found: Int32[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "drawn_height drawn_width 3"]:
    """Return an image with its true and its predicted outlines; sections in the colours of their stains."""
    image = data.store.read(image_id)
    planes, truth = np.array(image.planes, np.float32), np.array(image.label_map)
    if data.facts.organs is None or data.store.channels != COLOURS:
        return instances_overlay(composite(planes, data.store.channels), truth, found)
    picture = np.rint(np.clip(planes, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return masks_overlay(picture, truth > 0, found > 0)


def _label_map_file(run: RunFolder, image_id: str) -> Path:
    return run.path / _FOLDER / f"{image_id}.tif"


def _said(data: PixelDataModule, row: int, predictor: PixelPredictor) -> HeldOutTissue:
    """Return what is said of an image at the network's own pixel size, and what is true of it."""
    image_id = data.table.image_ids[row]
    image = data.store.read(image_id)
    return HeldOutTissue(
        predictor.probabilities(np.array(image.planes, np.float32)),
        np.array(image.label_map) > 0 if data.facts.has_truth[row] else None,
        str(data.table.frame["organ"].iloc[row]),
        float(data.facts.pixel_um[row]),
    )


def _scores(data: PixelDataModule, row: int, found: Instances) -> dict[str, Any]:
    """Return what is told of one image; of tissue, its organ and Dice too."""
    image_id = data.table.image_ids[row]
    truth = np.array(data.store.read(image_id).label_map)
    counts = count_image(found.label_map, truth)
    precision = [at.average_precision for at in counts.at]
    scores = {
        "image_id": image_id,
        "true": counts.true,
        "predicted": counts.predicted,
        "ap50": precision[0],
        "ap75": precision[5],
        "map": float(np.mean(precision)),
    }
    if data.facts.organs is None:
        return scores
    dice = dice_of_masks(np.asarray(found.label_map) > 0, truth > 0)
    return scores | {"organ": data.facts.organs[row], "dice": dice}


def _facts(
    run: RunFolder, config: Config, data: PixelDataModule, scores: pd.DataFrame, best_epoch: int
) -> InstanceFacts:
    facts = run.facts()
    return InstanceFacts(
        title=run.path.name,
        command=" ".join(["python", *facts.get("command", [])]),
        config_text=OmegaConf.to_yaml(config),
        history=pd.read_csv(run.path / "metrics.csv"),
        images=scores,
        picture_of=lambda image_id: drawn(data, image_id, read_label_map(_label_map_file(run, image_id))),
        best_epoch=best_epoch,
        seed=config["seed"],
        commit=facts.get("commit"),
    )
