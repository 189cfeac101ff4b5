"""Cell lines of the synthetic images: size, shape and density of the cells of one culture.

Sizes follow the images of these lines in the Human Protein Atlas (Thul et al., Science 356:eaal3321, 2017):
nuclei of 10 to 20 µm, ten to forty cells in a field of 164 µm.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CellLine:
    """Morphology of the cells of one culture; every number is a mean around which cells vary."""

    name: str
    cells_in_field: float
    """Cells placed in 164 x 164 µm."""
    radius_um: float
    """Mean distance from the nucleus to the cell border."""
    nucleus_um: float
    """Mean radius of a nucleus in G1."""
    elongation: float
    """Long over short axis of the cell."""
    roughness: float
    """Relative height of the waves of the outline."""
    protrusions: float
    """Mean number of pointed extensions a cell."""
    clustering: float
    """0: cells lie anywhere; 1: all lie in islands."""
    reticulum_um: float
    """How far the endoplasmic reticulum stays dense away from the nucleus."""


CELL_LINES: tuple[CellLine, ...] = (
    CellLine("U-2 OS", 15.0, 20.0, 7.6, 1.45, 0.14, 2.2, 0.30, 7.0),
    CellLine("A-431", 19.0, 16.5, 7.0, 1.25, 0.08, 0.7, 0.75, 6.0),
    CellLine("HEK 293", 28.0, 12.5, 6.0, 1.20, 0.10, 1.0, 0.70, 4.0),
    CellLine("MCF7", 22.0, 15.0, 6.6, 1.10, 0.06, 0.2, 0.85, 5.0),
    CellLine("BJ", 11.0, 23.0, 7.8, 2.30, 0.10, 1.5, 0.15, 9.0),
    CellLine("SH-SY5Y", 20.0, 12.5, 5.8, 1.40, 0.14, 2.8, 0.50, 3.5),
)
"""Named after the lines whose morphology they borrow; none is a model of its line."""
OTHER_LINES: tuple[CellLine, ...] = (
    CellLine("HeLa", 20.0, 16.0, 7.2, 1.30, 0.12, 1.4, 0.40, 5.5),
    CellLine("Hep G2", 24.0, 13.5, 6.4, 1.08, 0.05, 0.1, 0.90, 5.0),
    CellLine("RPE-1", 14.0, 21.5, 7.4, 1.60, 0.09, 1.0, 0.20, 8.0),
    CellLine("THP-1", 34.0, 10.5, 5.6, 1.05, 0.05, 0.0, 0.35, 3.0),
    CellLine("PC-3", 16.0, 18.5, 7.5, 1.90, 0.16, 2.6, 0.25, 6.5),
    CellLine("CACO-2", 26.0, 13.0, 6.2, 1.12, 0.07, 0.2, 0.95, 4.5),
)
"""Of the world `lines`, alike."""
