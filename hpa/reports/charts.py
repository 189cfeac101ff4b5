"""Line charts as plain geometry: numbers become pixels here, the templates draw them as inline SVG.

Written by hand, because a dozen small charts then follow the reader's light or dark theme, scale with the page and
take a few kilobytes, which pictures of a plotting library do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MAX_POINTS = 240
"""More cannot be distinguished on a chart a few hundred pixels wide."""
MAX_DOTS = 25
"""Single values are marked while there are few of them."""
Tick = tuple[float, str]
"""Pixel along an axis, and its text."""


@dataclass(frozen=True)
class Frame:
    """Place of a chart in its picture, in pixels of the viewBox, and the range of its axes."""

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
        """Return position and text of values on the horizontal axis."""
        return tuple((self.x(value), f"{value:g}") for value in values)

    def y_ticks(self, values: Sequence[float]) -> tuple[Tick, ...]:
        """Return position and text of values on the vertical axis."""
        return tuple((self.y(value), f"{value:g}") for value in values)


@dataclass(frozen=True)
class Dot:
    """One value and the text shown on hovering."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """One curve; `kind` is its style class in the page."""

    name: str
    kind: str
    path: str
    dots: tuple[Dot, ...] = ()


@dataclass(frozen=True)
class LineChart:
    """A chart ready to be drawn."""

    title: str
    description: str
    """For screen readers."""
    frame: Frame
    x_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    mark: Tick | None = None
    """A vertical line and its name."""


def path_of(frame: Frame, x: Float[np.ndarray, " value"], y: Float[np.ndarray, " value"]) -> str:
    """Return SVG path data through the finite points; the pen is lifted where a value is missing."""
    shown = np.linspace(0, len(x) - 1, min(len(x), MAX_POINTS)).round().astype(int)
    parts, pen_is_down = [], False
    for a, b in zip(x[shown].tolist(), y[shown].tolist(), strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            pen_is_down = False
            continue
        place = f"{frame.x(a):g},{frame.y(b):g}"
        # The zero-length stroke makes the round pen leave a dot where a value stands alone.
        parts.append(f"L{place}" if pen_is_down else f"M{place}h0")
        pen_is_down = True
    return "".join(parts)


def dots_of(
    frame: Frame, x: Float[np.ndarray, " value"], y: Float[np.ndarray, " value"], x_name: str
) -> tuple[Dot, ...]:
    """Return a dot for every finite point."""
    return tuple(
        Dot(frame.x(float(a)), frame.y(float(b)), f"{x_name} {a:g}: {b:.4g}")
        for a, b in zip(x, y, strict=True)
        if math.isfinite(a) and math.isfinite(b)
    )


def tick_values(low: float, high: float, max_count: int, whole: bool = False) -> list[float]:
    """Return round values from `low` to `high`, 1, 2 or 5 times a power of ten apart.

    Args:
        low: Left or lower end.
        high: Other end, above `low`.
        max_count: Limit of intervals, about.
        whole: Whether only whole numbers make sense (epochs).

    >>> tick_values(0.0, 1.0, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / max_count))
    steps = [factor * power * scale for scale in (0.1, 1.0) for factor in (1, 2, 5)] + [10 * power]
    numbers: range = range(0)
    for step in steps:
        step = max(step, 1.0) if whole else step
        numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        if len(numbers) <= max_count + 1:  # the finest that is not too many; the coarser may miss the axis altogether
            break
    return [round(number * step, 10) for number in numbers]


def span_from_zero(values: Float[np.ndarray, " value"]) -> tuple[float, float]:
    """Return axis ends that hold zero and every finite value, the upper a little above."""
    finite = values[np.isfinite(values)]
    low, high = float(min(finite.min(initial=0), 0)), float(finite.max(initial=0))
    return (low, high + 0.06 * (high - low)) if high > low else (low, low + 1)
