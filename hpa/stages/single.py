"""Chains of trainings (`stages=`); each stage is a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

Train = Callable[[dict[str, Any], Path], int]
"""Trains by a config in a folder, from the start or from where it stopped, and returns the exit code."""


class Stages(Protocol):
    """What a run is made of."""

    goes_on: bool
    """Whether the same command goes on with what it began in the same folder."""

    def run(self, config: dict[str, Any], folder: Path, train: Train) -> int:
        """Train what is not trained yet, and return the exit code."""


class SingleStage:
    """One training and nothing after it."""

    goes_on = False

    def run(self, config: dict[str, Any], folder: Path, train: Train) -> int:
        """Train, and return the exit code."""
        return train(config, folder)
