"""The two types and their morphology.

HEK 293 (human embryonic kidney; Graham et al., J Gen Virol 36:59, 1977) grow in islands of flat polygonal cells that
share their borders; their nuclei are evenly stained, with dark nucleoli. Neuro-2a (mouse neuroblastoma; Klebe and
Ruddle, J Cell Biol 43:69A, 1969) are smaller, round to spindly, with a thin rim of cytoplasm around a large nucleus and
short neurites; nuclei of the mouse show bright chromocentres in DNA stains (Guenatri et al., J Cell Biol 166:493,
2004).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CellType:
    """Morphology of the cells of one type; every number is a mean around which cells vary."""

    name: str
    radius_um: float
    """Radius of a disc of the cell's area, neurites apart."""
    nucleus_um: float
    """The same of the nucleus."""
    longest: float
    """Long over short axis of the longest cells; the shortest are round."""
    roughness: float
    """Relative height of the waves of the outline."""
    rim_um: float
    """How far from the border the cell is as thick as in its middle: small in flat cells."""
    clustering: float
    """Share of cells that lie against another one."""
    contact: float
    """Distance of neighbours that touch, in sums of their radii: smaller ones press each other flat."""
    corners: float
    """Mean number of short pointed extensions of the outline."""
    neurites: float
    """Mean number of neurites a cell."""
    neurite_um: float
    """Their mean length."""
    nucleoli: float
    """Mean number of dark nucleoli."""
    chromocentres: float
    """Mean number of bright chromocentres."""


HEK = CellType(
    name="HEK",
    radius_um=9.8,
    nucleus_um=5.5,
    longest=1.5,
    roughness=0.09,
    rim_um=1.4,
    clustering=0.93,
    contact=0.76,
    corners=1.6,
    neurites=0.0,
    neurite_um=0.0,
    nucleoli=3.0,
    chromocentres=0.0,
)
N2A = CellType(
    name="N2a",
    radius_um=6.9,
    nucleus_um=4.9,
    longest=2.3,
    roughness=0.04,
    rim_um=3.4,
    clustering=0.55,
    contact=0.93,
    corners=0.3,
    neurites=1.3,
    neurite_um=17.0,
    nucleoli=0.0,
    chromocentres=9.0,
)
CELL_TYPES: tuple[CellType, ...] = (HEK, N2A)
"""In the order of their class numbers."""
