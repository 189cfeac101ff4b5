"""A training: a task assembles its parts, a run folder, the fit, then what the task leaves at its end."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, cast

import torch
from pytorch_lightning import seed_everything
from torch import nn

from hpa.app.task import Parts, Task
from hpa.config import Config, build, with_values
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from hpa.stages.chain import begun, open_or_create
from hpa.stages.declaration import declare
from hpa.stages.single import Stages
from hpa.training.epoch_picture import EpochPicture
from hpa.training.progress import RunProgress
from hpa.training.run_folder import RunFolder

log = logging.getLogger(__name__)


def train(config: Config, choices: dict[str, str], sweep_folder: Path | None) -> int:
    """Train a new run, or go on with a chain that the same command began, and return the exit code."""
    config.pop("hydra", None)
    name = f"{choices['model']}_{choices['loss']}"
    stages: Stages = build(config["stages"])
    made = open_or_create if stages.goes_on else RunFolder.create
    return _run_stages(stages, config, made(config, name, sweep_folder))


def resume(path: str, overrides: list[str], conf: Path) -> int:
    """Go on with a run where its last finished epoch left it; values may be changed, parts may not."""
    run = RunFolder.open(path)
    config = with_values(run.config(), overrides, conf)
    stages: Stages = build(config["stages"])
    if stages.goes_on and config != run.config():
        raise InputError(
            f"{run.path}: is a chain of trainings and goes on as it was begun, without other values; begin a new one."
        )
    facts = run.facts()
    if facts.get("finished") and config["trainer"]["max_epochs"] <= facts["max_epochs"]:
        more = "" if stages.goes_on else "; trainer.max_epochs=N trains on"
        print(f"{run.path}: finished after {facts['epochs']} epochs{more}.")
        return 0
    run.write_config(config)
    return _run_stages(stages, config, run)


def _run_stages(stages: Stages, config: Config, run: RunFolder) -> int:
    if not stages.goes_on:
        return stages.run(config, run.path, lambda config, folder: _carry_out(config, RunFolder(folder)))
    code = stages.run(config, run.path, _train_stage)
    print(f"chain  {run.path}" if code == 0 else f"the chain is not finished; go on with resume={run.path}")
    return code


def _train_stage(config: Config, folder: Path) -> int:
    """Train a stage of a chain unless that is done; one that was begun keeps its own config."""
    run = begun(config, folder)
    return 0 if run.facts().get("finished") else _carry_out(run.config(), run)


def _carry_out(config: Config, run: RunFolder) -> int:
    seed_everything(config["seed"], verbose=False)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it; no effect on CPU
    task: Task = build(config["task"])
    parts = task.assemble(config)
    declare(run, parts.data, cast("nn.Module", parts.module.supervision))
    _say_start(parts, run)
    if parts.fit.find_learning_rate and not run.last_checkpoint.is_file():
        _find_learning_rate(config, parts, run)
    trainer = _fit(config, parts, run)
    if trainer.interrupted:
        state = f"python train.py resume={run.path}"
        print(f"interrupted; the last finished epoch is saved. Go on with: {state}", file=sys.stderr)
        return 130
    task.write_results(run, config, parts)
    run.write_facts({"finished": True, "epochs": trainer.current_epoch, "max_epochs": parts.fit.max_epochs})
    print(f"run  {run.path}")
    return 0


def _fit(config: Config, parts: Parts, run: RunFolder) -> Any:
    progress = RunProgress(parts.unit, parts.count)
    monitor = f"val_{parts.module.validation.monitor}"
    callbacks = parts.fit.callbacks(run.path, monitor, config["seed"], progress)
    callbacks.append(EpochPicture(parts.picture, run.path / "pictures"))
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
    size = sum(p.numel() for p in parts.module.model.parameters()) / 1e6
    log.info("run %s: %s, %.1f M parameters", run.path, parts.told, size)
