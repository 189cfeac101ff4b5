"""Two cell types in one culture: HEK 293 and Neuro-2a, nuclei blue and cytoplasm green, every cell known."""

from hpa.simulation.two_cell_types.dataset import write_two_cell_types
from hpa.simulation.two_cell_types.two_type_field import TwoTypeField, render_two_type_field

__all__ = ["TwoTypeField", "render_two_type_field", "write_two_cell_types"]
