"""Parallel coordinates (Inselberg 1985): one line a job, one axis a setting, the score the last axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpa.reports.charts import Tick, tick_values

_WIDTH, _HEIGHT, _TOP, _BOTTOM, _SIDE = 960, 330, 34, 18, 70
_LOG_RATIO = 30.0
"""From this ratio of largest to smallest on an axis of positive numbers is logarithmic."""
_MAX_LETTERS = 16
_FEW = 5
"""So many different numbers are all written at the axis."""


@dataclass(frozen=True)
class ParallelAxis:
    """An axis: its name, its place, and its ticks (place and text)."""

    name: str
    x: float
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class ParallelLine:
    """A job: text for hovering, the path, and how good it is, 0 (worst) to 1."""

    text: str
    path: str
    rank: float


@dataclass(frozen=True)
class ParallelChart:
    """A chart ready to be drawn; the best line last, on top."""

    width: int
    height: int
    top: int
    bottom: int
    axes: tuple[ParallelAxis, ...]
    lines: tuple[ParallelLine, ...]


def parallel_chart(found: Mapping[str, Any]) -> ParallelChart | None:
    """Return the chart of axes and lines as `hpa compare --sweep --json` has them; None of fewer than two lines."""
    axes, lines = found["axes"], found["lines"]
    if len(lines) < 2 or len(axes) < 2:
        return None
    step = (_WIDTH - 2 * _SIDE) / (len(axes) - 1)
    scales = [_Scale(axis, [line["values"][place] for line in lines]) for place, axis in enumerate(axes)]
    drawn = tuple(
        ParallelAxis(_short(str(axis["key"])), round(_SIDE + place * step, 1), scale.ticks())
        for place, (axis, scale) in enumerate(zip(axes, scales, strict=True))
    )
    made = [
        ParallelLine(
            f"{line['folder']}: "
            + ", ".join(f"{axis['key']}={value}" for axis, value in zip(axes, line["values"], strict=True)),
            _path([(axis.x, scale.y(value)) for axis, scale, value in zip(drawn, scales, line["values"], strict=True)]),
            1 - place / (len(lines) - 1),
        )
        for place, line in enumerate(lines)
    ]
    return ParallelChart(_WIDTH, _HEIGHT, _TOP, _HEIGHT - _BOTTOM, drawn, tuple(reversed(made)))


class _Scale:
    """From a value of an axis to its height."""

    def __init__(self, axis: Mapping[str, Any], values: Sequence[Any]) -> None:
        self._words = list(axis.get("values", ())) if axis["kind"] == "category" else None
        numbers = [] if self._words is not None else sorted({float(value) for value in values if value is not None})
        self._numbers = numbers
        low, high = min(numbers, default=0.0), max(numbers, default=1.0)
        self._is_log = low > 0 and high / low >= _LOG_RATIO
        self._low, self._high = (math.log10(low), math.log10(high)) if self._is_log else (low, high)

    def y(self, value: Any) -> float | None:
        """Return the height, None of a value that is not known."""
        if value is None:
            return None
        if self._words is not None:
            share = 0.5 if len(self._words) < 2 else self._words.index(value) / (len(self._words) - 1)
        else:
            number = math.log10(value) if self._is_log else float(value)
            share = 0.5 if self._high == self._low else (number - self._low) / (self._high - self._low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Return heights and texts."""
        if self._words is not None:
            return tuple((self.y(word) or 0.0, _short(str(word))) for word in self._words)
        if len(self._numbers) <= _FEW:
            numbers = self._numbers
        elif self._is_log:
            numbers = [self._numbers[0], *(10.0**n for n in range(math.floor(self._low) + 1, math.ceil(self._high)))]
            numbers.append(self._numbers[-1])
        else:
            numbers = tick_values(self._low, self._high, 5)
        return tuple((self.y(number) or 0.0, f"{number:.3g}") for number in numbers)


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    parts, pen_is_down = [], False
    for x, y in points:
        if y is not None:
            parts.append(f"{'L' if pen_is_down else 'M'}{x:g},{y:g}")
        pen_is_down = y is not None
    return "".join(parts)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"…{text[1 - _MAX_LETTERS :]}"
