"""What a run is made of, and what each kind of task must say of itself (`task=`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hpa.config import Config
from hpa.training.fit import Fit
from hpa.training.module import TrainingModule
from hpa.training.run_folder import RunFolder


@dataclass(frozen=True)
class Parts:
    """What a run is made of.

    Attributes:
        data: A LightningDataModule that is prepared, with `first_epoch`.
        module: Trains the model under its strategy.
        fit: Runs it.
        unit: What a batch counts, for the progress bar.
        count: How many of them an epoch shows.
        told: What to say of the data at the start.
        picture: Draws what was just validated into a file.
    """

    data: Any
    module: TrainingModule
    fit: Fit
    unit: str
    count: int
    told: str
    picture: Callable[[Path], None]


class Task(Protocol):
    """A kind of training: how its parts fit together, and what it leaves at its end."""

    def assemble(self, config: Config) -> Parts:
        """Build everything a run needs and prepare its data."""

    def write_results(self, run: RunFolder, config: Config, parts: Parts) -> None:
        """Write what a finished training leaves beside its checkpoints."""
