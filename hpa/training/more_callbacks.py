"""Callbacks that a run may have beside its own (`callbacks=`): those that need the run's folder or its score.

Lightning's own that need neither are named in conf/callbacks/ as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar

from hpa.training.patience import Patience


@runtime_checkable
class MakesCallback(Protocol):
    """A choice of `callbacks=` that is made for a run."""

    def callback(self, run_dir: Path, monitor: str) -> Callback:
        """Return the callback of a run whose best epoch `monitor` chooses."""


class EarlyStop:
    """Stops a run whose score no longer rises.

    Attributes:
        patience_epochs: Epochs without a better score.
        min_gain: A score is better if it gains more than this.
        monitor: A logged number, lower is better for a loss; None takes the one that chooses the best epoch.
    """

    def __init__(self, patience_epochs: int, min_gain: float, monitor: str | None) -> None:
        self.patience_epochs = patience_epochs
        self.min_gain = min_gain
        self.monitor = monitor

    def callback(self, run_dir: Path, monitor: str) -> EarlyStopping:
        """Return the callback."""
        del run_dir
        name = self.monitor or monitor
        mode = "min" if name.endswith("loss") else "max"
        return Patience(name, min_delta=self.min_gain, patience=self.patience_epochs, mode=mode, check_finite=False)


class StepCheckpoints:
    """Keeps a checkpoint of every so many steps beside best.ckpt and last.ckpt: RUN/checkpoints/step_000100.ckpt.

    They are for prediction and comparison; a run is resumed from the last finished epoch.

    Attributes:
        every_steps: Steps of the optimizer between two checkpoints.
    """

    def __init__(self, every_steps: int) -> None:
        self.every_steps = every_steps

    def callback(self, run_dir: Path, monitor: str) -> ModelCheckpoint:
        """Return the callback."""
        del monitor
        return ModelCheckpoint(
            dirpath=run_dir / "checkpoints",
            filename="step_{step:06d}",
            auto_insert_metric_name=False,
            every_n_train_steps=self.every_steps,
            save_top_k=-1,
        )


class LearningRates(Callback):
    """Logs the learning rate: a column of metrics.csv, and at the trackers."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the rate of the step; an epoch shows its highest."""
        del outputs, batch_idx
        rate = max(float(group["lr"]) for optimizer in trainer.optimizers for group in optimizer.param_groups)
        pl_module.log("learning_rate", rate, on_step=False, on_epoch=True, reduce_fx="max", batch_size=len(batch))


class RichProgress(RichProgressBar):
    """Lightning's coloured bar, whose epochs count from 1 as everywhere else."""

    def _get_train_description(self, current_epoch: int) -> str:
        last = "" if self.trainer.max_epochs is None else f"/{self.trainer.max_epochs}"
        return f"epoch {current_epoch + 1}{last}".ljust(len(self.validation_description))
