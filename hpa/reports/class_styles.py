"""How classes look on pages and pictures: a colour and a dash pattern each, distinct for the colour-blind too.

Five colours, searched for the largest smallest CIEDE2000 distance between any two of them as seen with full colour
vision and with each of the three dichromacies (simulated as by Machado, Oliveira and Fernandes, 2009, IEEE TVCG 15:6):
25 or more, 20 being as far as orange from yellow. They differ in lightness, and each is three times as bright as the
black rim that every outline lies on, so that rim or line is seen on any image. With four patterns they make twenty
looks; further classes repeat them; their number distinguishes these.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = ("#76bced", "#bf4f05", "#f1c32d", "#7a31ca", "#f3f7e9")
PATTERNS: dict[str, tuple[float, ...]] = {"solid": (), "dashed": (6, 4), "dotted": (2, 3), "dash-dot": (8, 3, 2, 3)}
"""Lengths of dash and gap in widths of the line, repeated; as in `setLineDash` of a canvas, divided by the width."""


@dataclass(frozen=True)
class ClassStyle:
    """The look of a class.

    Attributes:
        colour: #rrggbb.
        pattern: One of `PATTERNS`.
    """

    colour: str
    pattern: str

    @property
    def css(self) -> str:
        """Return the content of a style attribute; `.swatch` and the like draw it."""
        return f"--c:{self.colour};--dash:var(--{self.pattern})"


UNPREDICTED = ClassStyle("#6a7a7a", "solid")
"""A cell without a class, or without a finite confidence."""
TRUTH = ClassStyle("#76bced", "solid")
PREDICTION = ClassStyle("#f1c32d", "dashed")
"""Ground truth and prediction in one picture: blue and solid, golden and dashed. Never red and green."""
PLAIN = ClassStyle("#f3f7e9", "solid")
"""Cells of which no class is known."""


def class_styles(count: int) -> tuple[ClassStyle, ...]:
    """Return the looks of classes, in order: colours first, so that few classes differ in colour.

    >>> [style.pattern for style in class_styles(6)][-2:]
    ['solid', 'dashed']
    """
    patterns = tuple(PATTERNS)
    return tuple(
        ClassStyle(COLOURS[index % len(COLOURS)], patterns[index // len(COLOURS) % len(patterns)])
        for index in range(count)
    )
