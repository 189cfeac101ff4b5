"""A training: parts from a config, a run folder, the fit, then predictions of the held-out cells and the page."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import seed_everything
from tqdm import tqdm

from hpa.app.parts import Config, build, with_values
from hpa.app.results import write_results
from hpa.app.run_folder import RunFolder
from hpa.app.validation_picture import validation_picture
from hpa.data.cell_module import CellDataModule
from hpa.metrics.cell_validation import CellValidation
from hpa.models.saved_run import read_saved_run
from hpa.supervision.attach import attach_to
from hpa.training.epoch_picture import EpochPicture
from hpa.training.fit import Fit
from hpa.training.module import TrainingModule
from hpa.training.progress import RunProgress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a run is made of."""

    data: CellDataModule
    module: TrainingModule
    validation: CellValidation
    fit: Fit


def train(config: Config, choices: dict[str, str], sweep_folder: Path | None) -> int:
    """Train a new run and return the exit code."""
    config.pop("hydra", None)
    name = f"{choices['model']}_{choices['loss']}"
    run = RunFolder.create(config, name, sweep_folder)
    return int(build(config["stages"]).run(lambda: _carry_out(config, run)))


def resume(path: str, overrides: list[str], conf: Path) -> int:
    """Go on with a run where its last finished epoch left it; values may be changed, parts may not."""
    run = RunFolder.open(path)
    config = with_values(run.config(), overrides, conf)
    facts = run.facts()
    if facts.get("finished") and config["trainer"]["max_epochs"] <= facts["max_epochs"]:
        print(f"{run.path}: finished after {facts['epochs']} epochs; trainer.max_epochs=N trains on.")
        return 0
    run.write_config(config)
    return _carry_out(config, run)


def assemble(config: Config) -> Parts:
    """Build everything a run needs and prepare its cells."""
    channels = tuple(config["data"]["channels"])
    segmenter = build(config["segmenter"])
    source = build(config["data"], channels=together(channels, segmenter.channels))
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
    )
    data.prepare(show_progress("cells"))
    model = build(config["model"], channel_count=len(channels), class_count=len(source.class_names))
    attach_to(supervision, model)
    validation = CellValidation(build(config["metric"]))
    module = TrainingModule(model, supervision, build(config["optimizer"]), validation)
    module.identity = {
        "config": config,
        "channels": list(channels),
        "class_names": list(source.class_names),
        "seed": config["seed"],
    }
    return Parts(data, module, validation, build(config["trainer"]))


def together(channels: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return channels with those of more that are not among them: the model's first, then the segmenter's."""
    return channels + tuple(channel for channel in more if channel not in channels)


def show_progress(what: str) -> Any:
    """Return a callback (done, total) that draws a bar."""
    bar: tqdm[Any] = tqdm(unit="field", desc=what, leave=False, disable=not sys.stderr.isatty())

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def _carry_out(config: Config, run: RunFolder) -> int:
    seed_everything(config["seed"], verbose=False)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it; no effect on CPU
    parts = assemble(config)
    _say_start(parts, run)
    if parts.fit.find_learning_rate and not run.last_checkpoint.is_file():
        _find_learning_rate(config, parts, run)
    trainer = _fit(config, parts, run)
    if trainer.interrupted:
        state = f"python train.py resume={run.path}"
        print(f"interrupted; the last finished epoch is saved. Go on with: {state}", file=sys.stderr)
        return 130
    write_results(run, config, parts.data)
    run.write_facts({"finished": True, "epochs": trainer.current_epoch, "max_epochs": parts.fit.max_epochs})
    print(f"run  {run.path}")
    return 0


def _fit(config: Config, parts: Parts, run: RunFolder) -> Any:
    progress = RunProgress("cell", len(parts.data.rows(validation=False)))
    callbacks = parts.fit.callbacks(run.path, f"val_{parts.validation.monitor}", config["seed"], progress)
    callbacks.append(EpochPicture(validation_picture(parts.data, parts.validation), run.path / "pictures"))
    tracking = build(config["logger"]) if config["logger"] else None
    loggers = [tracking.logger(run.path, config)] if tracking is not None else []
    trainer = parts.fit.trainer(callbacks, loggers, run.path)
    checkpoint = run.last_checkpoint if run.last_checkpoint.is_file() else None
    parts.data.first_epoch = read_saved_run(checkpoint).epoch if checkpoint is not None else 0
    try:
        trainer.fit(parts.module, parts.data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit:  # how the trainer ends after Ctrl-C
        if not trainer.interrupted:
            raise
    return trainer


def _find_learning_rate(config: Config, parts: Parts, run: RunFolder) -> None:
    rate = parts.fit.suggest_learning_rate(parts.module, parts.data, run.path)
    parts.module.learning_rate = rate
    config["optimizer"]["learning_rate"] = rate
    run.write_config(config)


def _say_start(parts: Parts, run: RunFolder) -> None:
    data = parts.data
    counts = (len(data.rows(validation=False)), len(data.rows(validation=True)))
    size = sum(p.numel() for p in parts.module.model.parameters()) / 1e6
    log.info(
        "run %s: %d images, %d cells train, %d are held out, %.1f M parameters",
        run.path,
        len(data.table),
        *counts,
        size,
    )
