"""Two cell types in one dish: HEK 293 and Neuro-2a, nuclei blue and cytoplasm green, every cell known."""

from hpa.simulation.hek_n2a.field import TwoTypeField, draw_two_type_field
from hpa.simulation.hek_n2a.world import write_hek_n2a

__all__ = ["TwoTypeField", "draw_two_type_field", "write_hek_n2a"]
