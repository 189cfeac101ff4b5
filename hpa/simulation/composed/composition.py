"""One field composed of single-cell crops, and its ground truth; depends on nothing but (seed, split, index).

Cells are rotated by right angles and flipped, so that no pixel is interpolated, and placed at random where they do not
overlap. The background is drawn pixel by pixel from those outside the cell of one of the crops: it has their level and
noise and shows no cell.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8, UInt16

from hpa.core.field import Field
from hpa.simulation.annotation import AnnotationNoise
from hpa.simulation.competition_folder import SPLITS, LabelledField
from hpa.simulation.composed.cell_library import CellCrop
from hpa.simulation.composed.crop_file import CropPixels, read_crop

_TRIES = 60  # places that are tried for a cell

Planes = UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"]


@dataclass(frozen=True)
class Composition:
    """How fields are composed.

    Attributes:
        height: Rows of a field, px.
        width: Columns, px.
        cells: Fewest and most cells of a field; fewer where they find no room.
        max_classes: A field shows from one to so many classes, each number alike often.
        main_share: Share of the cells that show the main class where there are others; these share the rest.
        feather_px: Width of the rim of a cell in which it passes into the background.
        channels: Name of each plane.
        noise: How the labels of images err.
        seed: Another seed gives other fields.
    """

    height: int
    width: int
    cells: tuple[int, int]
    max_classes: int
    main_share: float
    feather_px: float
    channels: tuple[str, ...]
    noise: AnnotationNoise
    seed: int


class Placed(NamedTuple):
    """A cell in a field: its crop, and the corner of the crop's window, px."""

    crop: CellCrop
    top: int
    left: int


def compose_field(
    how: Composition, crops: Sequence[CellCrop], split: str, index: int
) -> tuple[LabelledField, list[Placed]]:
    """Compose field `index` of a split.

    Args:
        how: Settings.
        crops: Cells of this split.
        split: `train` or `test`.
        index: Number of the field in its split, from 0.

    Returns:
        The field, and its cells in the order of their numbers.
    """
    part = SPLITS.index(split)
    rng = np.random.default_rng((how.seed, part, index, 10))
    image_id = str(uuid.UUID(bytes=rng.bytes(16), version=4))
    deck = np.random.default_rng((how.seed, part, 11))
    main, others = _classes(how, rng, deck, sorted({kind for crop in crops for kind in crop.classes}), index)
    chosen = _cells(how, rng, crops, main, others)
    pixels, cells, placed = _paint(how, rng, chosen)
    cell_classes = tuple(one.crop.classes for one in placed)
    shown = sorted(
        {kind for kinds in cell_classes for kind in kinds},
        key=lambda kind: (kind != main, -sum(kind in kinds for kinds in cell_classes), kind),
    )
    labels = how.noise.labels(np.random.default_rng((how.seed, part, index, 12)), shown)
    field = Field(image_id, pixels, how.channels, 1.0)
    return LabelledField(field, cells, cell_classes, tuple(labels)), placed


def _classes(
    how: Composition, rng: np.random.Generator, deck: np.random.Generator, present: list[int], index: int
) -> tuple[int, list[int]]:
    """Return main class and further classes; over all fields of a split each class is main equally often."""
    main = int(deck.permutation(present)[index % len(present)])
    further = [kind for kind in present if kind != main]
    count = int(rng.integers(min(how.max_classes, len(present))))
    return main, [int(kind) for kind in rng.choice(further, size=count, replace=False)] if count else []


def _cells(
    how: Composition, rng: np.random.Generator, crops: Sequence[CellCrop], main: int, others: list[int]
) -> list[CellCrop]:
    """Return the crops of a field; none twice as long as its class has others."""
    count = int(rng.integers(how.cells[0], how.cells[1] + 1))
    of_main = rng.random(count) < how.main_share if others else np.ones(count, bool)
    kinds = [main if is_main else int(rng.choice(others)) for is_main in of_main]
    left: dict[int, list[CellCrop]] = {}
    chosen = []
    for kind in kinds:
        if not left.get(kind):
            having = [crop for crop in crops if kind in crop.classes]
            left[kind] = [having[place] for place in rng.permutation(len(having))]
        chosen.append(left[kind].pop())
    return chosen


def _paint(
    how: Composition, rng: np.random.Generator, chosen: Sequence[CellCrop]
) -> tuple[Planes, Int32[np.ndarray, "height width"], list[Placed]]:
    """Place cells, large ones first, and return planes, label map and the cells that found room."""
    read = [(crop, _in_any_position(rng, _cell_of(crop))) for crop in chosen]
    read.sort(key=lambda pair: -pair[1].mask.size)
    pixels = _background(how, rng, [crop for _, crop in read])
    cells = np.zeros((how.height, how.width), np.int32)
    placed: list[Placed] = []
    for crop, cell in read:
        corner = _free_corner(rng, cells, cell.mask)
        if corner is None:
            continue
        placed.append(Placed(crop, *corner))
        window = tuple(slice(start, start + side) for start, side in zip(corner, cell.mask.shape, strict=True))
        cells[window][cell.mask] = len(placed)
        _blend(pixels[(slice(None), *window)], cell, how.feather_px)
    return pixels, cells, placed


def _cell_of(crop: CellCrop) -> CropPixels:
    """Read a crop; of a grey one that was saved in colour, the first plane."""
    read = read_crop(crop.path, crop.mask_path)
    return CropPixels(read.planes[: crop.shape[0]], read.mask)


def _in_any_position(rng: np.random.Generator, crop: CropPixels) -> CropPixels:
    """Rotate a crop by right angles and flip it, at random."""
    quarters, flips = int(rng.integers(4)), bool(rng.integers(2))
    planes, mask = np.rot90(crop.planes, quarters, (1, 2)), np.rot90(crop.mask, quarters)
    if flips:
        planes, mask = planes[:, :, ::-1], mask[:, ::-1]
    return CropPixels(np.ascontiguousarray(planes), np.ascontiguousarray(mask))


def _free_corner(
    rng: np.random.Generator, cells: Int32[np.ndarray, "height width"], mask: Bool[np.ndarray, "rows columns"]
) -> tuple[int, int] | None:
    """Return where a cell overlaps no other, None where no such place is found."""
    rows, columns = mask.shape
    for _ in range(_TRIES):
        top = int(rng.integers(cells.shape[0] - rows + 1))
        left = int(rng.integers(cells.shape[1] - columns + 1))
        if not cells[top : top + rows, left : left + columns][mask].any():
            return top, left
    return None


def _background(how: Composition, rng: np.random.Generator, crops: Sequence[CropPixels]) -> Planes:
    """Return planes of pixels from outside the cell of one of the crops; several would differ in level.

    Those far from their median are left out: they may belong to neighbours that the crop cuts.
    """
    planes = np.zeros((len(how.channels), how.height, how.width), crops[0].planes.dtype)
    having = [crop for crop in crops if not crop.mask.all()]
    if having:
        crop = having[rng.integers(len(having))]
        for plane, values in zip(planes, crop.planes[:, ~crop.mask], strict=True):
            plane[:] = rng.choice(_typical(values), plane.shape)
    return planes


def _typical(values: UInt8[np.ndarray, " pixel"] | UInt16[np.ndarray, " pixel"]) -> np.ndarray:
    """Return the values within two robust standard deviations (1.48 times the median deviation) of the median."""
    deviations = np.abs(values - np.median(values))
    return values[deviations <= 2 * 1.4826 * np.median(deviations)]


def _blend(window: Planes, cell: CropPixels, feather_px: float) -> None:
    """Write a cell over the background, in place."""
    opacity = _opacity(cell.mask, feather_px)
    mixed = window + opacity * (cell.planes.astype(np.float32) - window)
    window[:] = np.rint(mixed).astype(window.dtype)


def _opacity(mask: Bool[np.ndarray, "height width"], feather_px: float) -> Float32[np.ndarray, "height width"]:
    """Return 1 inside a cell and 0 outside; within the rim it rises with the distance from the border."""
    if feather_px <= 0:
        return mask.astype(np.float32)
    framed = np.pad(mask.astype(np.uint8), 1)
    depth_px = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    return np.minimum(depth_px / np.float32(feather_px + 1), 1).astype(np.float32)
