"""What a finished training leaves beside its checkpoints: predictions of what it held out, their scores, and the page.

Both kinds of training read the best weights in the same way and predict where the trainer ran.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int, Int32, UInt8

from hpa.cells.data_module import CellDataModule
from hpa.config import Config
from hpa.core.planes import COLOURS
from hpa.core.whole_file import whole_file
from hpa.device import choose_device
from hpa.formats.label_maps import read_label_map, write_label_map
from hpa.inference.cells.held_out import write_held_out_cells
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.saved_network import network_of
from hpa.inference.tissue.held_out import HeldOutTissue, write_held_out_tissue
from hpa.inference.tissue.predictor import GivesProbabilities, PixelPredictor
from hpa.interfaces import Instances, SegmentedField
from hpa.metrics.segmentation import count_image
from hpa.metrics.tissue import dice_of_masks
from hpa.models.saved_run import SavedRun, read_saved_run
from hpa.pixels.data_module import PixelDataModule
from hpa.reports.class_styles import class_styles
from hpa.reports.facts import RunFacts
from hpa.reports.instance_page import InstanceFacts, write_instance_page
from hpa.reports.overlays import instances_overlay, masks_overlay
from hpa.reports.page import page_of_folder
from hpa.reports.pictures import composite
from hpa.reports.run_page import write_run_page
from hpa.reports.tracked_cells import cell_panels
from hpa.results.run_facts import MEASURES, maps_of, next_commands, page_of_run
from hpa.training.run_folder import RunFolder
from hpa.training.wandb_tracking import log_panels

_WHOLE_PX = 1 << 14
"""Held-out images are predicted as in validation: whole."""
_FOLDER = "held_out"


def write_cell_results(run: RunFolder, config: Config, data: CellDataModule, loggers: list[Any]) -> None:
    """Predict the held-out cells with the best weights; write `out_of_fold.parquet` and `report.html`, track them."""
    best = _best(run)
    network = network_of(best)
    predictor = ModelPredictor(network, _device(config), "fp32")
    probabilities, rows = _predict_held_out(predictor, data)
    image_targets = data.table.targets()[data.stored.cells["image"].to_numpy()[rows]]
    cell_targets = None if data.cell_targets is None else data.cell_targets[rows]
    cells = data.stored.cells.iloc[rows][["image_id", "cell"]].reset_index(drop=True)
    keys = cells.assign(fold=data.folds.held_out)
    write_held_out_cells(run.path, keys, probabilities, image_targets, cell_targets)
    names = data.source.class_names
    facts = RunFacts(
        **page_of_run(run, best.epoch),
        class_names=names,
        class_styles=class_styles(len(names)),
        cells=cells,
        probabilities=probabilities,
        image_targets=image_targets,
        cell_targets=cell_targets,
        field_of=lambda image_id: SegmentedField(
            data.source.read(image_id, "train"), data.stored.segmentation(image_id)
        ),
        crops_of=lambda chosen: data.stored.crops(rows[chosen]).pixels,
        channels=tuple(data.crop.channels),
        maps_of=maps_of(network, lambda chosen: data.stored.crops(rows[chosen]).pixels, len(rows)),
        measures=data.stored.cells.iloc[rows][list(MEASURES)].reset_index(drop=True),
        next_commands=next_commands(run),
    )
    log_panels(loggers, lambda: cell_panels(facts))
    if config["report"]:
        with page_of_folder(run.path) as page:
            write_run_page(page, facts)


def write_pixel_results(run: RunFolder, config: Config, data: PixelDataModule) -> None:
    """Write label maps of the held-out images by the best weights (`held_out/`), `held_out.csv` with scores, the page.

    Of tissue also probabilities and masks (`held_out_probabilities/`), which thresholds are fitted to and other runs
    are trained on; of images without annotation the probabilities alone.
    """
    best = _best(run)
    model: Any = network_of(best)
    predictor = PixelPredictor(model, _device(config), "fp32", _WHOLE_PX, 0, 1)
    (run.path / _FOLDER).mkdir(exist_ok=True)
    table = []
    for row in data.rows(validation=True).tolist():
        image_id = data.table.image_ids[row]
        predicted = predictor.predict(np.array(data.store.read(image_id).planes, np.float32))
        write_label_map(_label_map_file(run, image_id), np.asarray(predicted.label_map, np.int32))
        table.append(_scores(data, row, predicted))
    if data.facts.organs is not None and isinstance(model.target, GivesProbabilities):
        for row in (*data.rows(validation=True).tolist(), *data.held_out_without_truth().tolist()):
            write_held_out_tissue(run.path, data.table.image_ids[row], _held_out_tissue(data, row, predictor))
    scores = pd.DataFrame(table)
    with whole_file(run.path / "held_out.csv") as file:
        scores.to_csv(file, index=False)
    if config["report"]:
        facts = InstanceFacts(
            **page_of_run(run, best.epoch),
            images=scores,
            picture_of=lambda image_id: draw_outlines(data, image_id, read_label_map(_label_map_file(run, image_id))),
        )
        with page_of_folder(run.path) as page:
            write_instance_page(page, facts)


def draw_outlines(
    data: PixelDataModule, image_id: str, predicted: Int32[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "drawn_height drawn_width 3"]:
    """Return an image with its true and its predicted outlines; sections in the colours of their stains."""
    image = data.store.read(image_id)
    planes, truth = np.array(image.planes, np.float32), np.array(image.label_map)
    if data.facts.organs is None or data.store.channels != COLOURS:
        return instances_overlay(composite(planes, data.store.channels), truth, predicted)
    picture = np.rint(np.clip(planes, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return masks_overlay(picture, truth > 0, predicted > 0)


def _predict_held_out(
    predictor: ModelPredictor, data: CellDataModule
) -> tuple[Float32[np.ndarray, "cell class"], Int[np.ndarray, " cell"]]:
    """Return probabilities of the held-out cells, and the rows of those cells."""
    probabilities, rows = [], []
    for batch in data.val_dataloader():
        probabilities.append(predictor.predict(batch).probabilities.numpy())
        rows.append(batch.cell_id.numpy())
    return np.concatenate(probabilities), np.concatenate(rows)


def _best(run: RunFolder) -> SavedRun:
    return read_saved_run(run.checkpoints / "best.ckpt")


def _device(config: Config) -> Any:
    return choose_device(config["trainer"]["accelerator"], "trainer.accelerator")


def _label_map_file(run: RunFolder, image_id: str) -> Path:
    return run.path / _FOLDER / f"{image_id}.tif"


def _held_out_tissue(data: PixelDataModule, row: int, predictor: PixelPredictor) -> HeldOutTissue:
    """Return the prediction of an image at the network's own pixel size, and its mask."""
    image_id = data.table.image_ids[row]
    image = data.store.read(image_id)
    return HeldOutTissue(
        predictor.probabilities(np.array(image.planes, np.float32)),
        np.array(image.label_map) > 0 if data.facts.has_truth[row] else None,
        str(data.table.frame["organ"].iloc[row]),
        float(data.facts.pixel_um[row]),
    )


def _scores(data: PixelDataModule, row: int, predicted: Instances) -> dict[str, Any]:
    """Return the scores of one image; of tissue, its organ and Dice too."""
    image_id = data.table.image_ids[row]
    truth = np.array(data.store.read(image_id).label_map)
    counts = count_image(predicted.label_map, truth)
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
    dice = dice_of_masks(np.asarray(predicted.label_map) > 0, truth > 0)
    return scores | {"organ": data.facts.organs[row], "dice": dice}
