"""Checkpoints that a kill or a full disk cannot spoil: written beside the old one, then put in its place."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import CheckpointIO
from torch import Tensor

from hpa.core.errors import InputError
from hpa.core.whole_file import explained_write_errors
from hpa.models.tensor_file import UnreadableError, load_plain
from hpa.ranks import is_first

_STATE: Mapping[str, type] = {
    **{"epoch": int, "global_step": int, "pytorch-lightning_version": str},
    **{"state_dict": dict, "loops": dict, "callbacks": dict, "optimizer_states": list, "lr_schedulers": list},
}
"""What a training goes on from, and of which type."""
NO_STATE = "delete it where best.ckpt is sound, resume= goes on from that, or start a new run."
"""What to do with a checkpoint whose state cannot be gone on from."""
LATER = "later"
"""Of epochs with equal scores, the last one is the best: it was trained longer."""


class AtomicCheckpointIO(CheckpointIO):
    """Writes a checkpoint whole or not at all, and reads it without running code from it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write to a temporary neighbour, then rename.

        Raises:
            InputError: If the disk is full or cannot be written; the old file is as it was.
        """
        del storage_options
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_of(target)
        try:
            with partial.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except (OSError, RuntimeError) as error:  # torch reports a failed write as RuntimeError
            partial.unlink(missing_ok=True)
            kept = "the one of the epoch before is kept" if target.exists() else "none was written before"
            raise InputError(
                f"{target}: the checkpoint could not be written ({error}); {kept}. Free disk space."
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any | None = None, weights_only: bool | None = None) -> Any:
        """Read tensors and plain types only, to the CPU, whatever the caller passes.

        Raises:
            InputError: If the file is damaged, or holds another state than that of a training.
        """
        del map_location, weights_only
        try:
            content = load_plain(Path(path))
        except UnreadableError as error:
            raise InputError(f"{path}: cannot be read safely ({error}); {NO_STATE}") from error
        state = content if isinstance(content, dict) else {}
        wrong = [name for name, kind in _STATE.items() if not _is(state.get(name), kind)]
        if wrong:
            raise InputError(
                f"{path}: {', '.join(wrong)} is missing or of another kind than train.py writes; {NO_STATE}"
            )
        return content

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a file."""
        Path(path).unlink(missing_ok=True)


class RunCheckpoints(Checkpoint):
    """Keeps `last.ckpt` of every finished epoch and `best.ckpt` of the best one.

    Attributes:
        monitor: The logged number that decides, e.g. "val_image_map"; higher is better unless it is a loss. Where it
            is not a number (no positives), the validation loss decides.
        ties: Of epochs with equal scores, LATER takes the last one; or a logged number decides, e.g. "val_loss", and
            the later one where it is equal too.
    """

    def __init__(self, folder: Path, monitor: str, ties: str = LATER) -> None:
        self.folder = folder
        self.monitor = monitor
        self.ties = ties
        self.best_score = float("-inf")
        self.best_tie_score = float("-inf")
        self.best_epoch = -1
        self.last_is_best = False
        self.best_scores: dict[str, float] = {}

    def state_dict(self) -> dict[str, Any]:
        """Remember the best epoch."""
        names = ("best_score", "best_tie_score", "best_epoch", "last_is_best", "best_scores", "ties")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best epoch so far; a kill may have come between its two names."""
        self.best_score = state_dict["best_score"]
        self.best_tie_score = state_dict.get("best_tie_score", float("-inf"))
        self.best_epoch = state_dict["best_epoch"]
        self.last_is_best = state_dict.get("last_is_best", False)
        self.best_scores = dict(state_dict.get("best_scores", {}))
        if state_dict.get("ties", self.ties) != self.ties:  # another number decides from now on
            self.best_tie_score = self._tie_score({name: torch.tensor(one) for name, one in self.best_scores.items()})
        if self.last_is_best and is_first() and (self.folder / "last.ckpt").is_file():
            link_into_place(self.folder / "last.ckpt", self.folder / "best.ckpt")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's checkpoint, and call it the best if it is."""
        del pl_module
        metrics = {name: value for name, value in trainer.callback_metrics.items() if name != "epoch"}
        self.last_is_best = self.improves(metrics, trainer.current_epoch)
        last = self.folder / "last.ckpt"
        trainer.save_checkpoint(last)
        if self.last_is_best and trainer.is_global_zero:
            link_into_place(last, self.folder / "best.ckpt")

    def improves(self, metrics: Mapping[str, Tensor], epoch: int) -> bool:
        """Take note of an epoch's metrics, and return whether it is the best so far; the first always is."""
        score = (_score(metrics, self.monitor), self._tie_score(metrics))
        better = score >= (self.best_score, self.best_tie_score) or self.best_epoch < 0
        if better:
            (self.best_score, self.best_tie_score), self.best_epoch = score, epoch
            numbers = {name: float(value) for name, value in metrics.items()}
            self.best_scores = {name: value for name, value in numbers.items() if math.isfinite(value)}
        return better

    def _tie_score(self, metrics: Mapping[str, Tensor]) -> float:
        if self.ties == LATER:
            return float("-inf")
        if self.ties not in metrics:
            raise InputError(
                f"trainer.ties={self.ties}: no such number is logged; expected {LATER} or one of "
                f"{', '.join(sorted(metrics))}."
            )
        value = float(metrics[self.ties])
        return float("-inf") if math.isnan(value) else -value if self.ties.endswith("loss") else value


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _score(metrics: Mapping[str, Tensor], monitor: str) -> float:
    value = float(metrics.get(monitor, float("nan")))
    if value == value:
        return -value if monitor.endswith("loss") else value
    return -float(metrics.get("val_loss", float("inf")))


def partial_of(target: Path) -> Path:
    """Return the name under which this process writes a file before it takes its own; `RunFolder.sweep` finds it."""
    return target.with_name(f".{target.name}.{os.getpid()}.part")


def link_into_place(source: Path, target: Path) -> None:
    """Make target the same bytes as source, at once; a later replacement of source leaves target alone."""
    partial = partial_of(target)
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(source)
    except OSError:  # file systems without hard links
        try:
            with explained_write_errors(target):
                shutil.copyfile(source, partial)
        except InputError:
            partial.unlink(missing_ok=True)
            raise
    partial.replace(target)
    partial.unlink(missing_ok=True)  # renaming does nothing where both are names of one file already
