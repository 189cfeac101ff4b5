"""Cells of the sample images in up to five stains, all of one size, so that only the stain distinguishes them."""

# mypy: disable-error-code="no-untyped-call"
# scikit-image has no types
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Int32, UInt8
from skimage.measure import regionprops
from skimage.segmentation import expand_labels

from hpa.core.errors import InputError
from hpa.formats.images import read_image
from hpa.formats.label_maps import read_label_map

SIDE_PX = 44
"""Longest side of a scaled cell: about ten find room in a field of 256 px."""
_MARGIN_PX = 3
_TILES = 3
"""Neighbouring cells share background: a specimen is one of 3 x 3 tiles of a field."""
_REACH_PX = 60
"""How far from its nucleus a pixel of touching Schwann cells may lie."""
_DARKEST, _BRIGHTEST = 1.0, 99.9
_JUMP = {"Actin filaments": "ch2", "Nucleoli": "ch3", "Nucleoplasm": "ch5"}
_PEDIATRIC = {
    "Endoplasmic reticulum": "ch2",
    "Actin filaments": "ch3",
    "Mitochondria": "ch4",
    "Nucleoplasm": "ch5",
    "Nucleoli": "ch6",
}
_SCHWANN = {"Nucleoplasm": "1_{}_DAPI_001", "Endoplasmic reticulum": "2_{}_GFP_001", "Actin filaments": "3_{}_RFP_001"}

Plane = UInt8[np.ndarray, "height width"]
Labels = Int32[np.ndarray, "height width"]


@dataclass(frozen=True)
class StainedCell:
    """One cell: a plane for each stain by the class that it stands for, its pixels, and the tile of its field."""

    planes: dict[str, Plane]
    mask: Bool[np.ndarray, "height width"]
    specimen: str


@dataclass(frozen=True)
class StainedField:
    """A field: a plane for each stain, 8 bit, its cells, and into how many tiles a side it is divided."""

    name: str
    planes: dict[str, Plane]
    cells: Labels
    tiles: int = _TILES


def stained_cells(samples: Path) -> Iterator[StainedCell]:
    """Yield the cells that lie whole in their fields.

    Raises:
        InputError: If an image is missing or cannot be read.
    """
    rng = np.random.default_rng(0)
    for field in _fields(samples):
        yield from cells_of(field, rng)


def cells_of(field: StainedField, rng: np.random.Generator) -> Iterator[StainedCell]:
    """Yield the cells of a field, each within dark pixels from outside all cells."""
    outside = {name: np.sort(plane[field.cells == 0]) for name, plane in field.planes.items()}
    ground = {name: values[: max(1, len(values) // 2)] for name, values in outside.items()}
    height, width = field.cells.shape
    for region in regionprops(field.cells):
        top, left, bottom, right = region.bbox
        if field.tiles > 1 and (top == 0 or left == 0 or bottom == height or right == width):
            continue
        tile = f"{top * field.tiles // height}-{left * field.tiles // width}"
        mask = _scaled(region.image.astype(np.uint8) * 255) > 127
        planes = {
            name: np.where(mask, _scaled(plane[top:bottom, left:right]), rng.choice(ground[name], mask.shape))
            for name, plane in field.planes.items()
        }
        yield StainedCell(planes, mask, f"{field.name}/{tile}")


def _scaled(window: Plane) -> Plane:
    """Return a window whose longest side is SIDE_PX, within a margin of zeros."""
    height, width = window.shape
    scale = SIDE_PX / max(height, width)
    size = (max(4, round(scale * width)), max(4, round(scale * height)))
    return np.pad(cv2.resize(window, size, interpolation=cv2.INTER_AREA), _MARGIN_PX)


def _fields(samples: Path) -> Iterator[StainedField]:
    painting, atlas = samples / "cellpainting", samples / "hpa_rgby"
    for name, stem, stains in (
        ("jump_BR00117006_A01_f01", "r01c01f01p01-{}sk1fk1fl1.tiff", _JUMP),
        ("pediatric_cancer_C03_f03", "r03c03f03p01-{}sk1fk1fl1.tiff", _PEDIATRIC),
    ):
        files = {kind: painting / name / stem.format(channel) for kind, channel in stains.items()}
        yield StainedField(name, _planes(files), read_label_map(painting / name / "cells_instances_derived.png"))
    for nuclei in _some(painting / "nf1_schwann", "*_nuclei_instances_derived.png"):
        yield _schwann(nuclei)
    for path in _some(atlas / "cells_rgby", "*.npy"):
        red, _, blue, yellow = np.moveaxis(np.load(path), 2, 0)
        planes = {"Microtubules": red, "Nucleoplasm": blue, "Endoplasmic reticulum": yellow}
        yield _single(path.stem, planes)
    for path in _some(atlas / "cells_mt_nuc_er", "*.png"):
        names = ("Microtubules", "Nucleoplasm", "Endoplasmic reticulum")
        yield _single(path.stem, dict(zip(names, read_image(path).planes, strict=True)))
    blue = {"Nucleoplasm": atlas / "fov" / "383_D2_1_blue.png"}
    yield StainedField("383_D2_1", _planes(blue), read_label_map(atlas / "fov" / "383_D2_1_cellmask.png"))


def _schwann(nuclei: Path) -> StainedField:
    """Return a field whose cells touch: a pixel belongs to the cell of the nearest nucleus."""
    row, column, _, site = nuclei.name.split("_")[:4]
    stem = f"{row}_{column}"
    files = {kind: nuclei.with_name(f"{stem}_{ending.format(site)}.tif") for kind, ending in _SCHWANN.items()}
    seeds = read_label_map(nuclei)
    foreground = read_image(nuclei.with_name(f"{stem}_3_{site}_RFP_001_MaskCells.tiff")).planes[0] > 0
    cells = np.where(foreground | (seeds > 0), expand_labels(seeds, _REACH_PX), 0).astype(np.int32)
    return StainedField(stem, _planes(files), cells)


def _single(name: str, planes: Mapping[str, np.ndarray]) -> StainedField:
    """Return the field of a cell that was cut out before: black outside of it."""
    cell = (np.max(list(planes.values()), axis=0) > 0).astype(np.int32)
    return StainedField(name, {kind: _bytes(plane) for kind, plane in planes.items()}, cell, tiles=1)


def _planes(files: Mapping[str, Path]) -> dict[str, Plane]:
    return {kind: _bytes(read_image(path).planes[0]) for kind, path in files.items()}


def _bytes(plane: np.ndarray) -> Plane:
    """Return 8 bit, from the darkest to nearly the brightest pixels of a plane."""
    low, high = np.percentile(plane, [_DARKEST, _BRIGHTEST])
    return np.clip(255 * (plane - low) / max(high - low, 1.0), 0, 255).astype(np.uint8)


def _some(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise InputError(f"{folder}: {pattern} is expected, nothing there; give the folder of the sample images.")
    return found
