"""A world of synthetic fields with known truth: all 19 locations, drawn; image labels, given; cells, counted."""

from hpa.simulation.field import SyntheticField, draw_field
from hpa.simulation.world import write_world

__all__ = ["SyntheticField", "draw_field", "write_world"]
