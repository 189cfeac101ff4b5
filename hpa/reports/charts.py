"""Line charts as plain geometry: numbers become pixels here, the templates draw them as inline SVG.

Written by hand, because a dozen small charts then follow the reader's light or dark theme, scale with the page and
take a few kilobytes, which pictures of a plotting library do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hpa.reports.axes import Frame, Tick

MAX_POINTS = 240
"""More cannot be told apart on a chart a few hundred pixels wide."""
MAX_DOTS = 25
"""Single values are marked while there are few of them."""


@dataclass(frozen=True)
class Dot:
    """One value with what is told of it on hovering."""

    x: float
    y: float
    told: str


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
    told: str
    """What a reader who cannot see it should know."""
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
