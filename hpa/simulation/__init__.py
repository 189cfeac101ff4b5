"""Synthetic fluorescence and tissue images with ground truth, written in the layouts of real data sets."""

from hpa.simulation.competition import write_competition
from hpa.simulation.synthetic_field import SyntheticField, render_field

__all__ = ["SyntheticField", "render_field", "write_competition"]
