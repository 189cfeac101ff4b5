"""Measuring all cells of a field, against scikit-image's `regionprops_table` and `graycomatrix`, cell by cell."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Int32, UInt8
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops
from skimage.measure import regionprops, regionprops_table

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, cpu_ms
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.measurements.cells import CellMeasures

SIDE_PX = 2048
CELLS = 30
CHANNELS = ("red", "green", "blue", "yellow")
GREY_LEVELS = 16
DISTANCE_PX = 2
_INTENSITIES = ("intensity_mean", "intensity_std", "intensity_max")
_SHAPES = ("area", "perimeter", "axis_major_length", "axis_minor_length", "eccentricity", "solidity")
_ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)


def measure() -> list[Row]:
    """Compare both on one field with nuclei."""
    cells = relabel(field_of_cells(SIDE_PX, CELLS, seed=0))
    nuclei = np.where(ndimage.distance_transform_edt(np.pad(cells, 1))[1:-1, 1:-1] > 60, cells, 0).astype(np.int32)
    pixels = np.random.default_rng(0).integers(0, 256, (len(CHANNELS), SIDE_PX, SIDE_PX)).astype(np.uint8)
    field, measures = Field("a", pixels, CHANNELS, 0.08), CellMeasures(GREY_LEVELS, DISTANCE_PX)
    ours_ms = cpu_ms(lambda: measures.measure(field, Segmentation(cells, nuclei)), repeats=5)
    peer_ms = cpu_ms(lambda: _peer(cells, nuclei, pixels), repeats=2)
    name = f"measure {cells.max()} cells of {SIDE_PX}², {len(CHANNELS)} channels, against scikit-image"
    return [Row(name, ours_ms, peer_ms, peer_ms / ours_ms, "ms")]


def _peer(
    cells: Int32[np.ndarray, "height width"],
    nuclei: Int32[np.ndarray, "height width"],
    pixels: UInt8[np.ndarray, "channel height width"],
) -> None:
    """Measure the same with the library; neighbours and distances are left out."""
    last = np.moveaxis(pixels, 0, -1)
    regionprops_table(cells, last, properties=(*_SHAPES, *_INTENSITIES))  # type: ignore[no-untyped-call]
    regionprops_table(nuclei, last, properties=("area", "eccentricity", "solidity", *_INTENSITIES))  # type: ignore[no-untyped-call]
    regionprops_table(np.where(nuclei > 0, 0, cells), last, properties=_INTENSITIES)  # type: ignore[no-untyped-call]
    for plane in pixels:
        for region in regionprops(cells, plane):  # type: ignore[no-untyped-call]
            levels = (region.image_intensity // (256 // GREY_LEVELS)).astype(np.uint8)
            matrix = graycomatrix(levels, [DISTANCE_PX], _ANGLES, levels=GREY_LEVELS, symmetric=True)  # type: ignore[no-untyped-call]
            for name in ("contrast", "homogeneity", "correlation", "entropy"):
                graycoprops(matrix, name)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    print(measure())
