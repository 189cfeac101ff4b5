"""What a finished training leaves beside its checkpoints: predictions of the held-out cells, and the page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int
from omegaconf import OmegaConf

from hpa.cells.data_module import CellDataModule
from hpa.config import Config
from hpa.core.classes import LOCATIONS
from hpa.core.whole_file import whole_file
from hpa.device import choose_device
from hpa.inference.model_predictor import ModelPredictor
from hpa.inference.saved_network import network_of
from hpa.interfaces import SegmentedField
from hpa.models.saved_run import SavedRun, read_saved_run
from hpa.reports.facts import RunFacts
from hpa.reports.run_page import write_run_page
from hpa.training.run_folder import RunFolder


def write_results(run: RunFolder, config: Config, data: CellDataModule) -> None:
    """Predict the held-out cells with the best weights; write `out_of_fold.parquet` and `report.html`."""
    best = read_saved_run(run.checkpoints / "best.ckpt")
    probabilities, rows = predict_held_out(best, config, data)
    cells = data.stored.cells.iloc[rows][["image_id", "cell"]].reset_index(drop=True)
    scores = _columns("p", probabilities)
    table = pd.concat([cells.assign(fold=data.folds.held_out), scores, *_targets(data, rows)], axis=1)
    with whole_file(run.path / "out_of_fold.parquet") as file:
        table.to_parquet(file, index=False)
    if config["report"]:
        facts = _facts(run, config, data, cells, probabilities, rows)
        write_run_page(run.path / "report.html", replace(facts, best_epoch=best.epoch - 1))


def _targets(data: CellDataModule, rows: Int[np.ndarray, " cell"]) -> list[pd.DataFrame]:
    """Return what is known of the held-out cells: whoever fits weights or a calibration needs no data set for it."""
    images = data.stored.cells["image"].to_numpy()[rows]
    known = [_columns("image_target", data.table.targets()[images])]
    return known if data.cell_targets is None else [*known, _columns("cell_target", data.cell_targets[rows])]


def _columns(name: str, values: Float32[np.ndarray, "cell class"]) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"{name}_{index}" for index in range(values.shape[1])])


def predict_held_out(
    best: SavedRun, config: Config, data: CellDataModule
) -> tuple[Float32[np.ndarray, "cell class"], Int[np.ndarray, " cell"]]:
    """Return probabilities of the held-out cells by the best weights, and the rows of those cells."""
    device = choose_device(config["trainer"]["accelerator"], "trainer.accelerator")
    predictor = ModelPredictor(network_of(best), device, "fp32")
    probabilities, rows = [], []
    for batch in data.val_dataloader():
        probabilities.append(predictor.predict(batch).probabilities.numpy())
        rows.append(batch.cell_id.numpy())
    return np.concatenate(probabilities), np.concatenate(rows)


def _facts(
    run: RunFolder,
    config: Config,
    data: CellDataModule,
    cells: pd.DataFrame,
    probabilities: Float32[np.ndarray, "cell class"],
    rows: Int[np.ndarray, " cell"],
) -> RunFacts:
    facts = run.facts()
    names = data.source.class_names
    images = data.stored.cells["image"].to_numpy()[rows]
    return RunFacts(
        title=run.path.name,
        command=" ".join(["python", *facts.get("command", [])]),
        config_text=OmegaConf.to_yaml(config),
        history=pd.read_csv(run.path / "metrics.csv"),
        class_names=names,
        class_colours=tuple(LOCATIONS[index % len(LOCATIONS)].colour for index in range(len(names))),
        cells=cells,
        probabilities=probabilities,
        image_targets=data.table.targets()[images],
        cell_targets=None if data.cell_targets is None else data.cell_targets[rows],
        field_of=lambda image_id: SegmentedField(
            data.source.read(image_id, "train"), data.stored.segmentation(image_id)
        ),
        crops_of=lambda chosen: data.stored.crops(rows[chosen]).pixels,
        channels=tuple(data.crop.channels),
        seed=config["seed"],
        commit=facts.get("commit"),
    )
