"""Which cells of an image are positive for which of its locations: the label noise, and its reasons.

An image label lists what an annotator saw in the image, not in each cell (Le et al., Nature Methods 19:1221, 2022).
Here a cell departs from its image for reasons that are visible in its morphology and stains:

1. *Non-expressing cells.* Below a level that differs from image to image, a cell makes no protein: Negative.
2. *Cell cycle.* The spindle exists in mitosis only; there, envelope, nucleus, Golgi and cage dissolve into the cytosol,
   and microtubules become the spindle. Bodies, centrosomes and others are commoner late in the cycle.
3. *Positivity.* Only a share of the cells is positive for a location; it rises or falls with a trait: size,
   expression, crowding, cycle.
4. *Overflow.* Very bright cells also fill the nucleoplasm or cytosol, which the image label may not name.
5. A cell left with nothing is Negative if dim; if bright, its protein is spread over nucleus or cytosol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hpa.core.classes import NEGATIVE_CLASS
from hpa.simulation.culture import Cell, Phase

Trait = Literal["size", "expression", "crowding", "cycle"]


@dataclass(frozen=True)
class Positivity:
    """How many cells are positive for a location: `share` of them on average, `slope` more where the trait is high."""

    share: float
    trait: Trait
    slope: float


POSITIVITY: tuple[Positivity, ...] = (
    Positivity(0.77, "expression", 0.10),  # Nucleoplasm
    Positivity(0.70, "cycle", -0.15),  # Nuclear membrane: crisp in the small nuclei of G1
    Positivity(0.74, "expression", 0.15),  # Nucleoli
    Positivity(0.55, "cycle", 0.20),  # Fibrillar center: grow with the making of ribosomes
    Positivity(0.94, "expression", 0.05),  # Nuclear speckles
    Positivity(0.42, "cycle", 0.25),  # Nuclear bodies: most in S and G2
    Positivity(0.76, "expression", 0.12),  # Endoplasmic reticulum
    Positivity(0.69, "crowding", -0.20),  # Golgi apparatus: hidden over the nucleus in crowded cells
    Positivity(0.64, "size", 0.20),  # Intermediate filaments: spread cells build more
    Positivity(0.60, "size", 0.30),  # Actin filaments: stress fibres need room
    Positivity(0.78, "expression", 0.10),  # Microtubules
    Positivity(0.90, "expression", 0.05),  # Mitotic spindle: of the cells in mitosis
    Positivity(0.28, "cycle", 0.20),  # Centrosome: matures towards mitosis
    Positivity(0.72, "crowding", 0.25),  # Plasma membrane: strongest where cells touch
    Positivity(0.77, "expression", 0.10),  # Mitochondria
    Positivity(0.42, "expression", 0.30),  # Aggresome: where there is too much protein
    Positivity(0.74, "expression", 0.10),  # Cytosol
    Positivity(0.60, "size", 0.20),  # Vesicles
)
"""Shares follow the precision measured on hand-labelled cells: speckles .87 the most, centrosome .24, spindle .07."""
NUCLEAR_CLASSES = frozenset({0, 1, 2, 3, 4, 5})
DISSOLVED_IN_MITOSIS = frozenset({0, 1, 2, 3, 4, 5, 7, 8})
NUCLEOPLASM, MICROTUBULES, SPINDLE, CYTOSOL = 0, 10, 11, 16
_DIM_LEVEL = -0.4  # expression below which a cell without any location counts as Negative
_CYCLE = {Phase.G1: -0.6, Phase.S: 0.4, Phase.G2: 1.0, Phase.M: 1.0}


@dataclass(frozen=True)
class PositivityRules:
    """How far cells depart from their image.

    Attributes:
        positivity: Share of positive cells, by location.
        nonexpressing: Beta distribution over images of the share of cells without protein: 10 % on average, almost
            none in many images, a third in a few.
        overflow_level: Expression above which a cell may fill nucleoplasm or cytosol too.
        overflow_chance: How many of these cells do.
    """

    positivity: tuple[Positivity, ...] = POSITIVITY
    nonexpressing: tuple[float, float] = (1.2, 10.8)
    overflow_level: float = 0.85
    overflow_chance: float = 0.65

    def scaled(self, factor: float) -> PositivityRules:
        """Return rules with so many times the share of positive cells."""
        return replace(self, positivity=tuple(replace(one, share=one.share * factor) for one in self.positivity))

    def completed(self, part: float) -> PositivityRules:
        """Return rules with a part of the missing share of positive cells added."""
        raised = tuple(replace(one, share=one.share + part * (1 - one.share)) for one in self.positivity)
        return replace(self, positivity=raised)


STANDARD_RULES = PositivityRules()


def nonexpressing_level(rng: np.random.Generator, rules: PositivityRules = STANDARD_RULES) -> float:
    """Sample the expression (standard normal) below which the cells of one image make no protein."""
    share = float(rng.beta(*rules.nonexpressing))
    return float(np.quantile(rng.standard_normal(4000), share))


def positive_classes(
    rng: np.random.Generator,
    cell: Cell,
    labelled: Sequence[int],
    nonexpressing_below: float,
    rules: PositivityRules = STANDARD_RULES,
) -> list[int]:
    """Return the classes of a cell of an image labelled `labelled`, [Negative] for none."""
    draws = rng.random(len(rules.positivity) + 1)
    if cell.expression < nonexpressing_below or NEGATIVE_CLASS in labelled:
        return [NEGATIVE_CLASS]
    positive = {
        _in_mitosis(kind) if cell.phase is Phase.M else kind
        for kind in labelled
        if _is_positive(cell, rules.positivity[kind], draws[kind])
    }
    if cell.phase is not Phase.M:
        positive.discard(SPINDLE)
    spread = NUCLEOPLASM if NUCLEAR_CLASSES.issuperset(labelled) and cell.phase is not Phase.M else CYTOSOL
    if positive and cell.expression > rules.overflow_level and draws[-1] < rules.overflow_chance:
        positive.add(spread)
    if not positive:
        return [spread] if cell.expression > _DIM_LEVEL else [NEGATIVE_CLASS]
    return sorted(positive)


def trace_classes(cell: Cell, labelled: Sequence[int], positive: Sequence[int]) -> list[int]:
    """Return the locations of the image of which a cell holds a trace, though too little to count."""
    gone = DISSOLVED_IN_MITOSIS if cell.phase is Phase.M else {SPINDLE}
    return [kind for kind in labelled if kind not in gone and kind not in positive and kind != NEGATIVE_CLASS]


def _is_positive(cell: Cell, positivity: Positivity, draw: float) -> bool:
    """Return whether a cell is positive for a location, the cell cycle apart."""
    traits: dict[Trait, float] = {
        "size": (cell.size - 1) / 0.15,
        "expression": cell.expression,
        "crowding": 2 * cell.crowding - 1,
        "cycle": _CYCLE[cell.phase],
    }
    return bool(draw < positivity.share + positivity.slope * float(np.clip(traits[positivity.trait], -1, 1)))


def _in_mitosis(kind: int) -> int:
    """Return what becomes of a location in mitosis."""
    if kind == MICROTUBULES:
        return SPINDLE
    return CYTOSOL if kind in DISSOLVED_IN_MITOSIS else kind
