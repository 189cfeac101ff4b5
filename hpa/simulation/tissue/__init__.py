"""Synthetic tissue sections: five organs in simple strokes, stained and photographed by two laboratories."""

from hpa.simulation.tissue.section import SyntheticSection, draw_section
from hpa.simulation.tissue.world import write_tissue_world

__all__ = ["SyntheticSection", "draw_section", "write_tissue_world"]
