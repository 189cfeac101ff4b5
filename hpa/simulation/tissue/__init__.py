"""Synthetic tissue sections: five organs in simple strokes, stained and scanned at two sites."""

from hpa.simulation.tissue.dataset import write_tissue
from hpa.simulation.tissue.section import SyntheticSection, render_section

__all__ = ["SyntheticSection", "render_section", "write_tissue"]
