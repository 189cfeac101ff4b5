"""The cells of one field before any pixel: where they lie, how they are shaped, which state they are in. All in µm."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

import numpy as np
from jaxtyping import Float

from hpa.simulation.cell_lines import CellLine
from hpa.simulation.outline import wavy_outline, with_protrusions

FIELD_UM = 163.84
MARGIN_UM = 12.0
"""Cells are placed this far outside the field too, so that its edges cut cells."""
MITOTIC_RADIUS_UM = 9.5
_MIN_BORDER_UM = 3.0  # of cytoplasm around a nucleus
_NEIGHBOUR_UM = 26.0  # centres closer than this count as neighbours


class Phase(Enum):
    """State in the cell cycle."""

    G1 = "G1"
    S = "S"
    G2 = "G2"
    M = "M"


INTERPHASE: dict[Phase, float] = {Phase.G1: 0.55, Phase.S: 0.25, Phase.G2: 0.20}
"""Shares of an unsynchronised culture, mitosis apart."""
NUCLEUS_GROWTH: dict[Phase, float] = {Phase.G1: 1.0, Phase.S: 1.12, Phase.G2: 1.25, Phase.M: 0.8}
"""Nuclear radius against G1: DNA doubles, and the volume with it."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        x_um: Centre of the nucleus from the left edge of the field.
        y_um: Centre of the nucleus from its upper edge.
        angle: Direction of the long axis, radians.
        phase: State in the cell cycle.
        outline_um: Distance of the border by angle.
        nucleus_um: Distance of the nuclear border by angle.
        size: Radius against the mean of the line.
        expression: How much of the protein the cell makes, standard normal.
        crowding: Neighbours close by, 0 (alone) to 1 (six or more).
    """

    x_um: float
    y_um: float
    angle: float
    phase: Phase
    outline_um: Float[np.ndarray, " bin"]
    nucleus_um: Float[np.ndarray, " bin"]
    size: float
    expression: float
    crowding: float = 0.0

    @cached_property
    def nucleus_reach_um(self) -> float:
        """Largest distance from the centre to the nuclear border."""
        return float(self.nucleus_um.max())


def grow_culture(
    rng: np.random.Generator,
    line: CellLine,
    height_um: float,
    width_um: float,
    mitotic_share: float,
    one_divides: bool,
) -> list[Cell]:
    """Place the cells of one field.

    Args:
        rng: Source of randomness.
        line: Cell line.
        height_um: Height of the field.
        width_um: Width of the field.
        mitotic_share: Chance that a cell is in mitosis.
        one_divides: Whether at least one bright mitotic cell lies inside the field.
    """
    area = (height_um + 2 * MARGIN_UM) * (width_um + 2 * MARGIN_UM)
    count = line.cells_in_field * float(np.clip(rng.normal(1, 0.22), 0.6, 1.35)) * area / FIELD_UM**2
    islands = rng.uniform(-MARGIN_UM, 1, (4, 2)) + rng.uniform(0, 1, (4, 2)) * [width_um, height_um]
    cells: list[Cell] = []
    if one_divides:
        x, y = rng.uniform(0.15, 0.85, 2) * [width_um, height_um]
        dividing = _grow_cell(rng, line, float(x), float(y), 1.0)
        cells.append(replace(dividing, expression=abs(dividing.expression)))
    for _ in range(8 * max(1, round(count))):
        x, y = _candidate(rng, line, islands, height_um, width_um)
        cell = _grow_cell(rng, line, x, y, mitotic_share)
        if all(_apart(cell, other) for other in cells):
            cells.append(cell)
        if len(cells) >= count:
            break
    return [replace(cell, crowding=_crowding(cell, cells)) for cell in cells]


def _candidate(
    rng: np.random.Generator, line: CellLine, islands: Float[np.ndarray, "island 2"], height_um: float, width_um: float
) -> tuple[float, float]:
    """Draw a centre, in an island or anywhere; outside the margins it is drawn anywhere instead."""
    low, high = np.array([-MARGIN_UM] * 2), np.array([width_um + MARGIN_UM, height_um + MARGIN_UM])
    point = rng.uniform(low, high)
    if rng.random() < line.clustering:
        near = rng.normal(islands[rng.integers(len(islands))], 1.9 * line.radius_um)
        if np.all((near > low) & (near < high)):
            point = near
    return float(point[0]), float(point[1])


def _grow_cell(rng: np.random.Generator, line: CellLine, x_um: float, y_um: float, mitotic_share: float) -> Cell:
    """Draw state and shape of one cell."""
    mitotic = rng.random() < mitotic_share
    phase = Phase.M if mitotic else list(INTERPHASE)[rng.choice(len(INTERPHASE), p=list(INTERPHASE.values()))]
    size = float(np.exp(rng.normal(0, 0.14))) * (1.0 if phase is Phase.G1 else 1.1)
    angle = float(rng.uniform(0, np.pi))
    nucleus_um = line.nucleus_um * NUCLEUS_GROWTH[phase] * size**0.5
    nucleus = wavy_outline(rng, nucleus_um, float(rng.uniform(1.05, 1.6)), angle + float(rng.normal(0, 0.3)), 0.06)
    if mitotic:
        outline = wavy_outline(rng, MITOTIC_RADIUS_UM * size, 1.08, angle, 0.015)
        nucleus = np.full_like(nucleus, 0.55 * MITOTIC_RADIUS_UM * size)
    else:
        elongation = 1 + (line.elongation - 1) * float(rng.gamma(4, 0.25))
        outline = wavy_outline(rng, line.radius_um * size, elongation, angle, line.roughness)
        outline = with_protrusions(rng, outline, int(rng.poisson(line.protrusions)), 0.45 * line.radius_um)
    return Cell(
        x_um=x_um,
        y_um=y_um,
        angle=angle,
        phase=phase,
        outline_um=np.maximum(outline, nucleus + _MIN_BORDER_UM),
        nucleus_um=nucleus,
        size=size,
        expression=float(rng.standard_normal()),
    )


def _apart(one: Cell, other: Cell) -> bool:
    """Return whether two nuclei leave room for a border between them."""
    distance = math.hypot(one.x_um - other.x_um, one.y_um - other.y_um)
    return distance > 0.95 * (one.nucleus_reach_um + other.nucleus_reach_um) + _MIN_BORDER_UM


def _crowding(cell: Cell, cells: list[Cell]) -> float:
    """Count neighbours, 1 meaning six or more."""
    near = sum(math.hypot(cell.x_um - other.x_um, cell.y_um - other.y_um) < _NEIGHBOUR_UM for other in cells) - 1
    return min(1.0, near / 6)
