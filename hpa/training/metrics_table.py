"""`metrics.csv`: one row a finished epoch, always, whatever else tracks the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
from pytorch_lightning import Callback, LightningModule, Trainer

from hpa.core.whole_file import whole_file

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
        self.rows = list(state_dict["rows"])

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
        row: dict[str, float] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        row |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        row["seconds"] = round(time.monotonic() - self._started, 3)
        self.rows.append(row)
        extra = sorted({name for line in self.rows for name in line} - set(COLUMNS))
        with whole_file(self.path) as file:
            pd.DataFrame(self.rows, columns=[*COLUMNS, *extra]).to_csv(file, index=False)
