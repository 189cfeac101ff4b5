"""Chains of trainings (`stages=`); each stage is a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hpa.config import Config

Train = Callable[[Config, Path], int]
"""Trains by a config in a folder, from the start or from where it stopped, and returns the exit code."""


class Stages(Protocol):
    """Which trainings one command runs."""

    is_chain: bool
    """Whether there may be several; then the same command goes on with the chain that it started."""

    def run(self, config: Config, folder: Path, train: Train) -> int:
        """Train what is not trained yet, and return the exit code."""


class SingleStage:
    """One training and nothing after it."""

    is_chain = False

    def run(self, config: Config, folder: Path, train: Train) -> int:
        """Train, and return the exit code."""
        return train(config, folder)
