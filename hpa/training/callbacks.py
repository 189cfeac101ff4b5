"""Callbacks around a training: random numbers, progress, `metrics.csv`, and a picture an epoch.

Random numbers are fixed by (seed, epoch, batch), so that a resumed run goes on as if it had never stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger
from tqdm import tqdm

from hpa.core.interrupts import raise_lost_interrupt
from hpa.core.seeding import seed_of
from hpa.core.whole_file import whole_file


def logged_numbers(trainer: Trainer) -> dict[str, float]:
    """Return what the epoch logged by name, without its number, which the trackers are given."""
    return {name: float(value) for name, value in trainer.callback_metrics.items() if name != "epoch"}


class BatchSeed(Callback):
    """Seeds the generators of the device (dropout, drop path) anew before every batch.

    Before every batch, not every epoch: loaders draw from the same generator, and a resumed run starts them elsewhere.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed by (seed, epoch, batch)."""
        del pl_module, batch
        of_rank = [trainer.global_rank] if trainer.global_rank else []  # each process drops its own features
        torch.manual_seed(seed_of(self.seed, trainer.current_epoch, batch_idx, *of_rank))


class LostInterrupts(Callback):
    """Ends a training that a lost Ctrl-C or SIGTERM did not end."""

    def on_train_batch_end(self, *given: Any, **named: Any) -> None:
        """Look after each batch."""
        del given, named
        raise_lost_interrupt()

    def on_validation_batch_end(self, *given: Any, **named: Any) -> None:
        """Look after each batch."""
        del given, named
        raise_lost_interrupt()


@runtime_checkable
class LogsTerms(Protocol):
    """A module whose loss has several terms."""

    def log_terms(self, stage: str) -> None:
        """Log their means over an epoch."""


class LossTerms(Callback):
    """Logs the terms of the training loss before the other callbacks read them; the module's own hook comes later."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the means of the epoch."""
        del trainer
        if isinstance(pl_module, LogsTerms):
            pl_module.log_terms("train")


class StopTogether(Callback):
    """Ends all processes of a run after the epoch in which the first one ends, e.g. a trial that falls behind."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pass on what the first process decided."""
        del pl_module
        trainer.should_stop = trainer.strategy.broadcast(trainer.should_stop)


class RunProgress(Callback):
    """Shows one bar for the whole run.

    Attributes:
        unit: What a batch counts, e.g. "cell".
        count: About how many of them an epoch shows; the first epoch that ends gives the number.
    """

    def __init__(self, unit: str, count: int) -> None:
        self.unit = unit
        self.count = count
        self._bar: tqdm[Any] | None = None
        self._epoch_count = 0
        self._seen = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar at the epoch where the run stands."""
        del pl_module
        if not trainer.is_global_zero:
            return
        batches = len(trainer.train_dataloader) if trainer.train_dataloader is not None else 0
        share = float(trainer.num_training_batches) / max(1, batches)  # limit_batches shortens it
        self._epoch_count, self._seen = round(self.count * share), 0
        quiet = 0.1 if sys.stderr.isatty() else 30.0
        total, done = ((epochs or 0) * self._epoch_count for epochs in (trainer.max_epochs, trainer.current_epoch))
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._bar = tqdm(desc=epoch, total=total, initial=done, unit=f" {self.unit}", mininterval=quiet)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        del pl_module, outputs, batch_idx
        if self._bar is not None:
            self._bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False)
            seen = len(batch) * trainer.world_size
            end = (trainer.current_epoch + 1) * self._epoch_count
            self._bar.update(max(0, min(seen, end - self._bar.n)))
            self._seen += seen

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's scores above the bar."""
        del pl_module
        if not trainer.is_global_zero:
            return
        if self._bar is not None and self._seen:
            self._epoch_count, self._seen = self._seen, 0
            self._bar.total = (trainer.max_epochs or 0) * self._epoch_count
            self._bar.update((trainer.current_epoch + 1) * self._epoch_count - self._bar.n)
        metrics = logged_numbers(trainer)
        shown = {name: value for name, value in metrics.items() if value == value}
        scores = "  ".join(f"{name} {shown[name]:.4f}" for name in sorted(shown))
        tqdm.write(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {scores}", file=sys.stderr)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the bar."""
        del trainer, pl_module
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar before the error is reported."""
        del trainer, pl_module, exception
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


COLUMNS: tuple[str, ...] = ("epoch", "step", "train_loss", "val_loss", "val_image_map", "val_cell_map", "seconds")


class MetricsTable(Callback):
    """Rewrites the whole small file after every epoch, so that a resumed run never doubles or tears a row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self._started = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Remember the rows of finished epochs."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after the rows of finished epochs."""
        rows = list(state_dict["rows"])
        shift = 1 - min((int(row["epoch"]) for row in rows), default=1)  # older runs counted from 0
        self.rows = [row | {"epoch": row["epoch"] + shift} for row in rows]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a resumed run too: the trainer does not start its first epoch anew."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of the epoch."""
        del trainer, pl_module
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch's row and write the file."""
        del pl_module
        row: dict[str, float] = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step}
        row |= logged_numbers(trainer)
        row["seconds"] = round(time.monotonic() - self._started, 3)
        self.rows.append(row)
        if not trainer.is_global_zero:
            return
        extra = sorted({name for line in self.rows for name in line} - set(COLUMNS))
        with whole_file(self.path) as file:
            pd.DataFrame(self.rows, columns=[*COLUMNS, *extra]).to_csv(file, index=False)


class EpochPicture(Callback):
    """Draws after every validation.

    Attributes:
        draw: Writes the picture of what validation collected into a file.
        folder: Where pictures go, one an epoch.
    """

    def __init__(self, draw: Callable[[Path], None], folder: Path) -> None:
        self.draw = draw
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the picture and show it to the tracker."""
        del pl_module
        if not trainer.is_global_zero:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"validation_epoch_{trainer.current_epoch + 1:03d}.png"
        self.draw(file)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image("validation", [str(file)])
