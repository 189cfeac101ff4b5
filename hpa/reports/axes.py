"""The frame of a chart: where values come to lie in the picture, and which of them are written at its axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Tick = tuple[float, str]
"""Pixel along an axis, and what stands there."""


@dataclass(frozen=True)
class Frame:
    """Where a chart lies in its picture, in pixels of the viewBox, and what its axes span."""

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int
    x_span: tuple[float, float]
    y_span: tuple[float, float]

    def x(self, value: float) -> float:
        """Return the horizontal pixel of a value."""
        low, high = self.x_span
        return round(self.left + (value - low) / (high - low) * (self.width - self.left - self.right), 1)

    def y(self, value: float) -> float:
        """Return the vertical pixel of a value (0 is at the top)."""
        low, high = self.y_span
        return round(
            self.height - self.bottom - (value - low) / (high - low) * (self.height - self.top - self.bottom), 1
        )

    def x_ticks(self, values: Sequence[float]) -> tuple[Tick, ...]:
        """Return where values stand on the horizontal axis and how they read."""
        return tuple((self.x(value), f"{value:g}") for value in values)

    def y_ticks(self, values: Sequence[float]) -> tuple[Tick, ...]:
        """Return where values stand on the vertical axis and how they read."""
        return tuple((self.y(value), f"{value:g}") for value in values)


def tick_values(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return round values from `low` to `high`, 1, 2 or 5 times a power of ten apart.

    Args:
        low: Left or lower end.
        high: Other end, above `low`.
        most: About as many as wanted at most.
        whole: Whether only whole numbers make sense (epochs).

    >>> tick_values(0.0, 1.0, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    steps = [factor * power * scale for scale in (0.1, 1.0) for factor in (1, 2, 5)] + [10 * power]
    numbers: range = range(0)
    for step in steps:
        step = max(step, 1.0) if whole else step
        numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        if len(numbers) <= most + 1:  # the finest that is not too many; the coarser may miss the axis altogether
            break
    return [round(number * step, 10) for number in numbers]


def span_from_zero(values: Float[np.ndarray, " value"]) -> tuple[float, float]:
    """Return axis ends that hold zero and every finite value, the upper a little above."""
    finite = values[np.isfinite(values)]
    low, high = float(min(finite.min(initial=0), 0)), float(finite.max(initial=0))
    return (low, high + 0.06 * (high - low)) if high > low else (low, low + 1)
