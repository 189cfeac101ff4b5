"""The cells of one field of two types before any pixel: where they lie and how they are shaped. All in µm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hpa.simulation.culture import INTERPHASE, MARGIN_UM, NUCLEUS_GROWTH, Cell, Phase
from hpa.simulation.outline import wavy_outline, with_protrusions
from hpa.simulation.two_cell_types.cell_types import CELL_TYPES, CellType

MITOTIC_SHARE = 0.025
_DIVIDING_RADIUS_UM = 7.2
_MIN_CYTOPLASM_UM = 0.9
_MIN_DISTANCE = 0.64
"""Minimum distance of two centres, in sums of their radii: nearer ones would hide each other."""
_SAME_TYPE = 0.75
"""How often the neighbour is of the own type: cells adhere to their like, and divide in place."""
_TRIES = 12
_STEP_UM = 2.0


@dataclass(frozen=True)
class Neurite:
    """A thin process: points (x, y) from the soma outwards in µm of the field, and its width at each."""

    points_um: Float[np.ndarray, "point 2"]
    widths_um: Float[np.ndarray, " point"]


@dataclass(frozen=True)
class CulturedCell:
    """A cell with its type and its neurites."""

    kind: int
    """Place of its type in `CELL_TYPES`."""
    cell: Cell
    neurites: tuple[Neurite, ...]

    @property
    def type(self) -> CellType:
        """The type itself."""
        return CELL_TYPES[self.kind]


def grow_two_types(
    rng: np.random.Generator, kinds: Sequence[int], height_um: float, width_um: float
) -> list[CulturedCell]:
    """Place cells of the given kinds, in this order; those that find no room in a confluent culture are left out.

    A margin around the field is settled too, so that its edges cut cells.
    """
    low = np.array([-MARGIN_UM, -MARGIN_UM])
    high = np.array([width_um, height_um]) + MARGIN_UM
    places, radii, placed = np.empty((0, 2)), np.empty(0), np.empty(0, np.int64)
    cells: list[CulturedCell] = []
    for kind in kinds:
        dividing = bool(rng.random() < MITOTIC_SHARE)
        size = float(np.exp(rng.normal(0, 0.13)))
        radius_um = _DIVIDING_RADIUS_UM * size if dividing else CELL_TYPES[kind].radius_um * size
        for _ in range(_TRIES):
            place = _candidate(rng, kind, radius_um, places, radii, placed, low, high)
            distances = np.hypot(*(places - place).T)
            if (distances > _MIN_DISTANCE * (radii + radius_um)).all():
                places, radii = np.vstack([places, place]), np.append(radii, radius_um)
                placed = np.append(placed, kind)
                cells.append(_grow(rng, kind, float(place[0]), float(place[1]), size, dividing))
                break
    return cells


def _candidate(
    rng: np.random.Generator,
    kind: int,
    radius_um: float,
    places: Float[np.ndarray, "cell 2"],
    radii: Float[np.ndarray, " cell"],
    placed: np.ndarray,
    low: Float[np.ndarray, " 2"],
    high: Float[np.ndarray, " 2"],
) -> Float[np.ndarray, " 2"]:
    """Draw a centre: against another cell, by the type's clustering, or anywhere."""
    cell_type = CELL_TYPES[kind]
    like = np.flatnonzero(placed == kind) if rng.random() < _SAME_TYPE else np.arange(len(placed))
    if len(like) and rng.random() < cell_type.clustering:
        neighbour = int(rng.choice(like))
        angle = rng.uniform(0, 2 * np.pi)
        distance = cell_type.contact * (radii[neighbour] + radius_um) * rng.uniform(0.94, 1.12)
        place = places[neighbour] + distance * np.array([np.cos(angle), np.sin(angle)])
        if np.all((place > low) & (place < high)):
            return place
    return rng.uniform(low, high)


def _grow(rng: np.random.Generator, kind: int, x_um: float, y_um: float, size: float, dividing: bool) -> CulturedCell:
    """Draw shape and state of one cell."""
    cell_type = CELL_TYPES[kind]
    angle = float(rng.uniform(0, np.pi))
    phase = Phase.M if dividing else list(INTERPHASE)[rng.choice(len(INTERPHASE), p=list(INTERPHASE.values()))]
    if dividing:
        outline = wavy_outline(rng, _DIVIDING_RADIUS_UM * size, 1.06, angle, 0.012)
        nucleus = np.full_like(outline, 0.6 * _DIVIDING_RADIUS_UM * size)
    else:
        elongation = 1 + (cell_type.longest - 1) * float(rng.beta(1.4, 2.2))
        outline = wavy_outline(rng, cell_type.radius_um * size, elongation, angle, cell_type.roughness)
        outline = with_protrusions(rng, outline, int(rng.poisson(cell_type.corners)), 0.32 * cell_type.radius_um)
        nucleus_um = cell_type.nucleus_um * NUCLEUS_GROWTH[phase] ** 0.5 * size**0.5
        nucleus = wavy_outline(rng, nucleus_um, 1 + 0.35 * (elongation - 1) + rng.uniform(0, 0.15), angle, 0.035)
    cell = Cell(
        x_um=x_um,
        y_um=y_um,
        angle=angle,
        phase=phase,
        outline_um=np.maximum(outline, nucleus + _MIN_CYTOPLASM_UM),
        nucleus_um=nucleus,
        size=size,
        expression=float(rng.standard_normal()),
    )
    count = 0 if dividing else min(4, int(rng.poisson(cell_type.neurites)))
    return CulturedCell(kind, cell, tuple(_neurite(rng, cell, cell_type, number) for number in range(count)))


def _neurite(rng: np.random.Generator, cell: Cell, cell_type: CellType, number: int) -> Neurite:
    """Draw a process that tapers and bends a little; the first two leave at the ends of the long axis."""
    heading = cell.angle + np.pi * number if number < 2 else rng.uniform(0, 2 * np.pi)
    heading += rng.normal(0, 0.35)
    length_um = cell_type.neurite_um * float(rng.gamma(3, 1 / 3))
    steps = max(2, round((length_um + cell_type.radius_um) / _STEP_UM))
    headings = heading + np.cumsum(rng.normal(0, 0.16, steps))
    ways = np.cumsum(_STEP_UM * np.stack([np.cos(headings), np.sin(headings)], axis=1), axis=0)
    start = np.array([cell.x_um, cell.y_um])
    along = np.linspace(0, 1, steps)
    widths = 1.0 + 3.4 * (1 - along) ** 3 + 1.3 * np.exp(-(((along - 1) / 0.07) ** 2))  # a growth cone at the tip
    return Neurite(start + ways, widths)
