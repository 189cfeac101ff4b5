"""Fields composed of single-cell crops whose classes are known, written in the layout of the competition."""

from hpa.simulation.composed.cell_library import CellLibrary, read_library
from hpa.simulation.composed.composition import Composition
from hpa.simulation.composed.crop_listing import crops_in_folder, crops_in_table
from hpa.simulation.composed.dataset import write_composed

__all__ = ["CellLibrary", "Composition", "crops_in_folder", "crops_in_table", "read_library", "write_composed"]
