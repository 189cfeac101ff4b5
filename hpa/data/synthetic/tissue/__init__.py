"""Synthetic tissue sections: five organs in simple strokes, stained and photographed by two laboratories."""

from hpa.data.synthetic.tissue.section import SyntheticSection, draw_section
from hpa.data.synthetic.tissue.world import write_tissue_world

__all__ = ["SyntheticSection", "draw_section", "write_tissue_world"]
