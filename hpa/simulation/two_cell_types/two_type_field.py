"""One field of two cell types and its truth; depends on nothing but (seed, kind of field, index, size)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int32, Int64

from hpa.core.field import Field
from hpa.core.seeding import seed_of
from hpa.simulation.camera import Camera
from hpa.simulation.culture import MARGIN_UM
from hpa.simulation.territory import Territory, divide
from hpa.simulation.two_cell_types.cell_types import CELL_TYPES
from hpa.simulation.two_cell_types.mixed_culture import CulturedCell, grow_two_types
from hpa.simulation.two_cell_types.neurites import with_neurites
from hpa.simulation.two_cell_types.staining import CHANNELS, stain_two_types

PIXEL_UM = 0.325
"""A camera of 6.5 µm pixels behind a 20x objective: 1104 px are 359 µm, whatever part of them is drawn."""
IMAGES_PER_WELL = 2
MIXED = "Mixed"
KINDS_OF_FIELD: dict[str, tuple[float, ...]] = {
    **{name.name: tuple(float(other is name) for other in CELL_TYPES) for name in CELL_TYPES},
    MIXED: (0.5, 0.5),
}
"""Share of each type among the cells that were seeded, by kind of field."""
_MIN_CELLS, _MAX_CELLS = 85, 210
"""Cells seeded in 1104 x 1104 px; some find no room."""
_WHOLE_UM = 1104 * PIXEL_UM
_FOCUS_UM = (0.28, 0.55)
"""Standard deviation of the blur of a 20x objective, from sharp to a little beside the focus."""


@dataclass(frozen=True)
class TwoTypeField:
    """A field and its truth.

    Attributes:
        field: Green and blue planes, 8 bit.
        cells: Label map of the cells whose nucleus has its centre in the field, 1..n.
        nuclei: Their nuclei, same numbers.
        classes: Type of each cell, cell 1 first: its place in `CELL_TYPES`.
        well: Where the field was taken; fields of one well share staining and density.
    """

    field: Field
    cells: Int32[np.ndarray, "height width"]
    nuclei: Int32[np.ndarray, "height width"]
    classes: Int64[np.ndarray, " cell"]
    well: str


def render_two_type_field(seed: int, kind: str, index: int, height: int, width: int) -> TwoTypeField:
    """Draw field `index` of a kind.

    Args:
        seed: Number of the world.
        kind: Key of `KINDS_OF_FIELD`.
        index: Number of the field among those of its kind, from 0.
        height: Height in pixels.
        width: Width in pixels.
    """
    well_number = index // IMAGES_PER_WELL
    well_rng = np.random.default_rng(seed_of(seed, kind, "well", well_number))
    rng = np.random.default_rng(seed_of(seed, kind, "field", index))
    cells = _culture(well_rng, rng, kind, height * PIXEL_UM, width * PIXEL_UM)
    territory = divide([cultured.cell for cultured in cells], height, width, PIXEL_UM)
    territory = with_neurites(territory, cells)
    gains = well_rng.uniform([0.75, 0.75], [1.25, 1.2]) * np.exp(rng.normal(0, 0.05, len(CHANNELS)))
    light = territory.inner(stain_two_types(rng, cells, territory)) * gains[:, None, None].astype(np.float32)
    focus_um, dark = float(rng.uniform(*_FOCUS_UM)), float(rng.uniform(0.01, 0.03))
    camera = replace(Camera.sample(rng, len(CHANNELS)), defocus_um=focus_um, offset=dark)
    planes = camera.expose(rng, np.ascontiguousarray(light, np.float32), PIXEL_UM)
    number_of = _numbers(cells, territory, height, width)
    kept = [cultured.kind for cultured, number in zip(cells, number_of[1:], strict=True) if number]
    return TwoTypeField(
        field=Field(f"{kind}_{index:04d}", planes, CHANNELS, PIXEL_UM),
        cells=number_of[territory.inner(territory.cells)],
        nuclei=number_of[territory.inner(np.where(territory.nuclei == territory.cells, territory.nuclei, 0))],
        classes=np.array(kept, np.int64),
        well=f"{kind}_{well_number:03d}",
    )


def _culture(
    well_rng: np.random.Generator, rng: np.random.Generator, kind: str, height_um: float, width_um: float
) -> list[CulturedCell]:
    """Seed a field: as many cells as its well is dense, their types drawn from the designed shares."""
    settled, whole = (height_um + 2 * MARGIN_UM) * (width_um + 2 * MARGIN_UM), (_WHOLE_UM + 2 * MARGIN_UM) ** 2
    count = well_rng.uniform(_MIN_CELLS, _MAX_CELLS) * float(np.exp(rng.normal(0, 0.1))) * settled / whole
    kinds = rng.choice(len(CELL_TYPES), size=max(2, round(count)), p=KINDS_OF_FIELD[kind])
    return grow_two_types(rng, kinds.tolist(), height_um, width_um)


def _numbers(cells: list[CulturedCell], territory: Territory, height: int, width: int) -> Int32[np.ndarray, " number"]:
    """Return the final number of each cell of the territory, 0 where the nucleus has its centre outside the field."""
    visible = np.bincount(territory.inner(territory.cells).ravel(), minlength=len(cells) + 1) > 0
    centres = [(cultured.cell.y_um / PIXEL_UM, cultured.cell.x_um / PIXEL_UM) for cultured in cells]
    kept = np.array([False, *(0 <= y < height and 0 <= x < width for y, x in centres)]) & visible
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)
