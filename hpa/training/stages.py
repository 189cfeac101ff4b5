"""Chains of trainings (`stages=`); each stage is a run of its own."""

from __future__ import annotations

from collections.abc import Callable


class SingleStage:
    """One training and nothing after it."""

    def run(self, train: Callable[[], int]) -> int:
        """Train, and return the exit code."""
        return train()
