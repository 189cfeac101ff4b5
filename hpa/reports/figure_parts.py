"""What figures of matplotlib are made of: a heading, panels, lines of classes, matrices, a legend."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from hpa.core.errors import InputError
from hpa.reports.class_styles import PATTERNS, ClassStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#1b1f24"
LINES = {"first": ("#0a5bb5", "-"), "second": ("#9a5b00", "--"), "mark": ("#59636e", ":")}
"""Colours of the pages in light, and dashes, of the two lines of a chart and of marks."""
_PANELS_A_ROW = 5
_MAX_NUMBERED = 20
"""Values are written into a matrix of at most so many columns."""
_NAME_CHARACTERS = 40
_CHARACTERS_AN_INCH = 12


def new_figure(title: str, heading: str, note: str, width_in: float, height_in: float) -> Figure:
    """Return an empty figure with its heading.

    Raises:
        InputError: If matplotlib is missing.
    """
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise InputError(f"figures need matplotlib ({error}): pip install 'hpa-cells[figures]'.") from error
    figure = _figure_type()(figsize=(width_in, height_in), layout="constrained")
    lines = [textwrap.fill(text, round(_CHARACTERS_AN_INCH * width_in)) for text in (f"{title}: {heading}", note)]
    figure.suptitle("\n".join(lines), fontsize="medium", color=_INK, parse_math=False)
    return figure


@cache
def _figure_type() -> type[Figure]:
    """Return the class of figures that a notebook shows by themselves: plain ones are shown by pyplot's state only."""
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return NotebookFigure


def figure_of_panels(title: str, heading: str, note: str, count: int) -> Figure:
    """Return an empty figure that is large enough for square panels."""
    across, down = min(count, _PANELS_A_ROW), math.ceil(count / _PANELS_A_ROW)
    return new_figure(title, heading, note, max(4.0, 2.2 * across), 2.5 * down + 0.6)


def panels(figure: Figure, count: int) -> Iterator[Axes]:
    """Return axes in a grid; the last row is filled from the left."""
    across, down = min(count, _PANELS_A_ROW), math.ceil(count / _PANELS_A_ROW)
    return (figure.add_subplot(down, across, place + 1) for place in range(count))


def line_of_class(
    axes: Axes, x: Float[np.ndarray, " point"], y: Float[np.ndarray, " point"], style: ClassStyle, marker: str = ""
) -> None:
    """Draw a line in the colour of a class, both axes from 0 to 1; alone in its panel it needs no pattern."""
    axes.plot(x, y, color=style.colour, linewidth=2.2, marker=marker, markersize=4, **rim(2.2))
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.05), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")


def rim(width_pt: float) -> dict[str, Any]:
    """Return the settings of a dark rim, by which a line of any colour is seen on any ground."""
    from matplotlib.patheffects import withStroke

    return {"path_effects": [withStroke(linewidth=width_pt + 1.6, foreground=_INK)]}


def name_panel(axes: Axes, name: str, note: str) -> None:
    """Write the name of a class and a line of text above its panel."""
    axes.set_title(
        "\n".join([*textwrap.wrap(name, 26, max_lines=2, placeholder=" …"), note]), fontsize="small", parse_math=False
    )


def matrix_size(rows: Sequence[str], columns: Sequence[str]) -> tuple[float, float]:
    """Return width and height in inches of a matrix: squares, and the names beside and below them."""
    beside, below = (0.085 * max(len(_short(name)) for name in names) for names in (rows, columns))
    return max(4.0, 1.3 + beside + 0.42 * len(columns)), 1.1 + below + 0.42 * len(rows)


def draw_matrix(
    axes: Axes, values: Float[np.ndarray, "row column"], rows: Sequence[tuple[str, int]], columns: Sequence[str]
) -> None:
    """Draw shares as squares, darker for more, with their values in percent.

    Args:
        axes: Where.
        values: From 0 to 1.
        rows: Name and number of cells of each.
        columns: Name of each.
    """
    from matplotlib.colors import LinearSegmentedColormap

    blues = LinearSegmentedColormap.from_list("page", ["#ffffff", LINES["first"][0]])
    axes.imshow(values, cmap=blues, vmin=0, vmax=1, aspect="auto")
    counted = [f"{_short(name)} ({cells})" for name, cells in rows]
    axes.set_yticks(range(len(rows)), counted, fontsize="small", parse_math=False)
    axes.set_xticks(
        range(len(columns)), [_short(name) for name in columns], fontsize="small", rotation=90, parse_math=False
    )
    if len(columns) <= _MAX_NUMBERED:
        for (row, place), value in np.ndenumerate(values):
            ink = "white" if value > 0.55 else _INK
            axes.text(place, row, f"{100 * value:.0f}", ha="center", va="center", fontsize="small", color=ink)


def legend_of_classes(axes: Axes, looks: Sequence[tuple[str, ClassStyle]]) -> None:
    """Write below the axes what outlines mean.

    Args:
        axes: With an image.
        looks: Text and look of each.
    """
    from matplotlib.lines import Line2D

    lines = []
    for _, style in looks:
        dashes: Any = (0, PATTERNS[style.pattern]) if PATTERNS[style.pattern] else "-"
        lines.append(Line2D([], [], color=style.colour, linestyle=dashes, linewidth=2.2, **rim(2.2)))
    names = [_short(text) for text, _ in looks]
    legend = axes.legend(
        lines, names, loc="upper left", bbox_to_anchor=(0, -0.01), ncols=2, frameon=False, handlelength=3.5
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _short(name: str) -> str:
    plain = " ".join(name.split())
    return plain if len(plain) <= _NAME_CHARACTERS else f"{plain[: _NAME_CHARACTERS - 1]}…"
