"""One field of the synthetic competition and its ground truth; depends on (world, seed, split, index, size) alone."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32

from hpa.core.channels import CHANNELS
from hpa.core.classes import NEGATIVE_CLASS
from hpa.core.field import Field
from hpa.simulation.camera import Camera
from hpa.simulation.cell_lines import CellLine
from hpa.simulation.culture import FIELD_UM, Cell, grow_culture
from hpa.simulation.image_labels import deck_of, image_classes
from hpa.simulation.positivity import SPINDLE, nonexpressing_level, positive_classes, trace_classes
from hpa.simulation.specimen import stain_specimen
from hpa.simulation.territory import Territory, divide
from hpa.simulation.worlds import STANDARD, World

MITOTIC_SHARE = 0.03
"""Cells in mitosis in an unsynchronised culture."""
SPINDLE_IMAGE_MITOTIC_SHARE = 0.09
"""The same in images labelled Mitotic spindle, besides the one that made the annotator choose the label."""
MIN_NUCLEUS = 0.3
"""Cells with less of their nucleus in the field have no ground truth: no nucleus, no cell, as in the competition."""
_SPLITS = ("train", "test")


@dataclass(frozen=True)
class SyntheticField:
    """A field and its ground truth.

    Attributes:
        field: The planes as a reader would give them.
        cells: Label map of the cells that count, 1..n.
        nuclei: Their nuclei (of mitotic cells the region of the spindle), same numbers.
        image_classes: Labels of the image, main class first.
        cell_classes: Classes of each cell, cell 1 first.
        cell_line: Name of the cell line.
    """

    field: Field
    cells: Int32[np.ndarray, "height width"]
    nuclei: Int32[np.ndarray, "height width"]
    image_classes: tuple[int, ...]
    cell_classes: tuple[tuple[int, ...], ...]
    cell_line: str


@dataclass(frozen=True)
class FieldPlan:
    """Content of a field, before any pixel.

    Attributes:
        image_id: Name of the image.
        classes: What it shows, main class first.
        line: Cell line.
        cells: The culture, cells beside the field included.
        cell_classes: Classes of each of them.
        traces: Classes of which each holds too little to count.
    """

    image_id: str
    classes: list[int]
    line: CellLine
    cells: list[Cell]
    cell_classes: list[list[int]]
    traces: list[list[int]]


def plan_field(seed: int, split: str, index: int, height_um: float, world: World = STANDARD) -> FieldPlan:
    """Decide everything about a field but its pixels; arguments as in `render_field`."""
    part = _SPLITS.index(split)
    rng = np.random.default_rng((seed, part, index, 0))
    image_id = str(uuid.UUID(bytes=rng.bytes(16), version=4))
    classes = image_classes(rng, np.random.default_rng((seed, part, deck_of(index), 1)), index, world.frequencies)
    line = world.lines[rng.integers(len(world.lines))]
    dividing = SPINDLE in classes
    mitotic_share = SPINDLE_IMAGE_MITOTIC_SHARE if dividing else MITOTIC_SHARE
    cells = grow_culture(rng, line, height_um, FIELD_UM, mitotic_share, dividing)
    level = nonexpressing_level(rng, world.positivity)
    cell_classes = [positive_classes(rng, cell, classes, level, world.positivity) for cell in cells]
    traces = [trace_classes(cell, classes, kinds) for cell, kinds in zip(cells, cell_classes, strict=True)]
    return FieldPlan(image_id, classes, line, cells, cell_classes, traces)


def render_field(seed: int, split: str, index: int, height: int, width: int, world: World = STANDARD) -> SyntheticField:
    """Render field `index` of a split.

    The culture is the same at every size, so that a data set can be rendered small first and large later.

    Args:
        seed: Another seed gives other fields of the world.
        split: `train` or `test`.
        index: Number of the field in its split, from 0.
        height: Height in pixels.
        width: Width in pixels; the field is always 164 µm wide.
        world: What it is drawn from.
    """
    pixel_um = FIELD_UM / width
    plan = plan_field(seed, split, index, height * pixel_um, world)
    rng = np.random.default_rng((seed, _SPLITS.index(split), index, 2))
    territory = divide(plan.cells, height, width, pixel_um)
    light = territory.inner(
        stain_specimen(rng, plan.line, plan.cells, plan.cell_classes, plan.traces, territory, world.staining)
    )
    planes = Camera.sample(rng, len(CHANNELS), world.optics).expose(rng, np.ascontiguousarray(light), pixel_um)
    number_of = _numbers(plan.cells, territory)
    return SyntheticField(
        field=Field(plan.image_id, planes, CHANNELS, pixel_um),
        cells=number_of[territory.inner(territory.cells)],
        nuclei=number_of[territory.inner(np.where(territory.nuclei == territory.cells, territory.nuclei, 0))],
        image_classes=tuple(_labels(plan, world, np.random.default_rng((seed, _SPLITS.index(split), index, 3)))),
        cell_classes=tuple(
            tuple(kinds) for kinds, number in zip(plan.cell_classes, number_of[1:], strict=True) if number
        ),
        cell_line=plan.line.name,
    )


def _labels(plan: FieldPlan, world: World, rng: np.random.Generator) -> list[int]:
    """Return what an annotator names; nobody errs about an image that shows nothing."""
    return plan.classes if NEGATIVE_CLASS in plan.classes else world.annotation.labels(rng, plan.classes)


def _numbers(cells: list[Cell], territory: Territory) -> Int32[np.ndarray, " number"]:
    """Return the final number of each cell of the territory, 0 where too little of the nucleus lies in the field."""
    whole = np.bincount(territory.nuclei.ravel(), minlength=len(cells) + 1)
    visible = np.bincount(territory.inner(territory.nuclei).ravel(), minlength=len(cells) + 1)
    # a nucleus may even reach out of the canvas: its true area comes from its outline
    areas = [float(np.mean(cell.nucleus_um**2)) * np.pi / territory.pixel_um**2 for cell in cells]
    whole[1:] = np.maximum(whole[1:], areas)
    kept = visible > MIN_NUCLEUS * np.maximum(whole, 1)
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)
