"""What a person sees while a run trains: one bar in items a second with the time left, one line an epoch."""

from __future__ import annotations

import sys
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import tqdm


class RunProgress(Callback):
    """Shows one bar for the whole run.

    Attributes:
        unit: What a batch counts, e.g. "cell".
        count: How many of them an epoch shows.
    """

    def __init__(self, unit: str, count: int) -> None:
        self.unit = unit
        self.count = count
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar at the epoch where the run stands."""
        del pl_module
        epochs = trainer.max_epochs or 0
        batches = len(trainer.train_dataloader) if trainer.train_dataloader is not None else 0
        count = round(self.count * float(trainer.num_training_batches) / max(1, batches))  # limit_batches shortens it
        quiet = 0.1 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(total=epochs * count, initial=trainer.current_epoch * count, unit=self.unit, mininterval=quiet)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        del pl_module, outputs, batch_idx
        if self._bar is not None:
            self._bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False)
            self._bar.update(len(batch))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's scores above the bar."""
        del pl_module
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
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
