"""The parts of a run become a trainer that fits them: in the first process of a run, and in the others beside it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import LambdaCallback
from pytorch_lightning.trainer.connectors import checkpoint_connector

from hpa.app.cell_task import CellTask
from hpa.app.pixel_task import PixelTask
from hpa.app.task import Parts, Task
from hpa.config import Config, build_each
from hpa.core.errors import InputError
from hpa.core.file_lock import Lock
from hpa.models.saved_run import read_saved_run
from hpa.stages.single import Stages
from hpa.sweeps.pruning import TrialReports
from hpa.training.callbacks import EpochPicture, RunProgress, StopTogether
from hpa.training.checkpoint import NO_STATE
from hpa.training.fit import Fit
from hpa.training.launch import Launch, leave_group, wait_for_run
from hpa.training.resuming import require_all_keys, require_same_state
from hpa.training.run_folder import RunFolder

TASKS: dict[str, Task] = {"cells": CellTask(), "pixels": PixelTask()}
"""The kinds of training by their names, those of `hpa.targets.TASKS`."""


def seed(config: Config) -> None:
    """Seed every generator, as each process of a run does."""
    seed_everything(config["seed"], verbose=False)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it; no effect on CPU


def assemble(config: Config, checkpoint: Path | None) -> Parts:
    """Build what a run is made of, to go on from a checkpoint if there is one.

    Raises:
        InputError: If the config lacks keys that the checkpoint was trained with, or a part cannot be built.
    """
    epoch = 0
    if checkpoint is not None:
        saved = read_saved_run(checkpoint)
        require_all_keys(config, saved.config, checkpoint)
        epoch = saved.epoch
    return TASKS[config["task"]].assemble(config, epoch)


def fit_parts(
    config: Config,
    parts: Parts,
    run: RunFolder,
    checkpoint: Path | None,
    lock: Lock | None,
    loggers: list[Any],
    reports: TrialReports | None,
) -> Any:
    """Train, and return the trainer.

    Args:
        config: Of the run.
        parts: Made of it.
        run: Its folder.
        checkpoint: To go on from.
        lock: That of the run, in the process that writes.
        loggers: Trackers, in the process that writes.
        reports: Of an Optuna trial.

    Raises:
        InputError: If the checkpoint, callbacks or arguments of the trainer do not fit.
    """
    if checkpoint is not None:
        require_same_state(parts.module, checkpoint)
    progress = RunProgress(parts.unit, parts.count)
    monitor = f"val_{parts.module.validation.monitor}"
    more = build_each(config.get("callbacks") or {}, "callbacks")
    callbacks = parts.fit.callbacks(run.path, monitor, config["seed"], progress, more)
    if lock is not None:
        callbacks += [LambdaCallback(on_train_epoch_end=lambda *_: lock.require_held())]  # before anything is written
    callbacks.append(EpochPicture(parts.picture, run.path / "pictures"))
    if reports is not None:

        def report(trainer: Trainer, _: Any) -> None:
            reports.add(trainer.current_epoch, trainer.callback_metrics)
            trainer.should_stop = trainer.should_stop or reports.is_pruned

        callbacks.append(LambdaCallback(on_train_epoch_end=report))
    if parts.fit.devices.are_several:
        callbacks.append(StopTogether())
    trainer = parts.fit.trainer(callbacks, loggers, run.path)
    _fit(trainer, parts, checkpoint)
    return trainer


def _fit(trainer: Trainer, parts: Parts, checkpoint: Path | None) -> None:
    try:
        trainer.fit(parts.module, parts.data, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:  # what callbacks and arguments of the trainer cannot do
        raise InputError(f"trainer= or callbacks=: {error}") from error
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if not _is_of_restoring(error):
            raise
        raise InputError(
            f"{checkpoint}: the state of the training cannot be restored ({type(error).__name__}: {error}); {NO_STATE}"
        ) from error
    except SystemExit:  # how the trainer ends after Ctrl-C
        if not trainer.interrupted:
            raise


def _is_of_restoring(error: Exception) -> bool:
    """Whether Lightning gave optimizers, schedulers, loops or callbacks the state of a checkpoint when it came."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code.co_filename == checkpoint_connector.__file__ for frame in frames)


def launch_of(fit: Fit, stages: Stages | None = None) -> Launch | None:
    """Return how srun or torchrun started this process beside others of the run; None where nothing did.

    Raises:
        InputError: If the run needs it and nothing did, or it is a chain of runs.
    """
    launch = Launch.of_this_process() if fit.devices.are_several else None
    if launch is None and fit.devices.nodes > 1:
        raise InputError(
            f"trainer.nodes={fit.devices.nodes}: start a process for each device, by srun --ntasks-per-node=… python "
            "train.py … or torchrun; on one machine trainer=ddp starts them itself."
        )
    if launch is not None and stages is not None and stages.is_chain:
        raise InputError("stages=: a chain starts its processes itself; train on one machine, or each fold by itself.")
    return launch


def train_rank(run: RunFolder) -> int:
    """Train beside the first process of a run, which has prepared its data and alone writes; return the exit code."""
    config = run.config()
    seed(config)
    checkpoint = run.newest_checkpoint()
    parts = assemble(config, checkpoint)
    trainer = fit_parts(config, parts, run, checkpoint, None, [], None)
    leave_group()
    return 130 if trainer.interrupted else 0


def run_of_launch(run_dir: str | None, launch: Launch) -> RunFolder:
    """Return the run that the first process of a launch has prepared.

    Raises:
        InputError: If the folder of the run is not named.
    """
    if run_dir is None:
        raise InputError("several machines share a folder that all of them know: give run_dir=RUN.")
    wait_for_run(Path(run_dir).expanduser(), launch)
    return RunFolder.open(run_dir)
