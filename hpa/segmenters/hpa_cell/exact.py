"""Label maps from the planes of the two networks, step by step as HPA-Cell-Segmentation makes them.

Planes are (height, width, 3) in 8 bits: background, border between touching objects, body. Two faults of the original
are fixed: overflows of 8 bits in sums of border planes, and in cell numbers. Steps without effect are left out.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Int32, UInt8
from scipy import ndimage
from skimage.measure import label

from hpa.segmenters.hpa_cell.criteria import (
    CELL_BORDER_LEVEL,
    CELL_UM2,
    CLOSING_UM,
    HOLE_UM2,
    NUCLEUS_BODY_LEVEL,
    NUCLEUS_UM2,
    SEED_BODY_LEVEL,
    SEED_UM2,
    SPECK_UM2,
    WALL_LEVEL,
    cell_region,
    pixels_of,
)
from hpa.segmenters.hpa_cell.edge_cells import EdgeCells, with_edge_markers, without_bare_edge_cells
from hpa.segmenters.hpa_cell.regions import (
    CROSS,
    SQUARE,
    closed,
    components_of,
    flooded,
    holes_filled,
    inner_of,
    large_of,
    split_by_lines,
    without_small,
)

Planes = UInt8[np.ndarray, "height width plane=3"]
Plane = UInt8[np.ndarray, "height width"]
LabelMap = Int32[np.ndarray, "height width"]


def label_nuclei(nuclei: Planes, pixel_um: float) -> LabelMap:
    """Return the nuclei of the nuclei network alone, by the simpler rules the original has for this case.

    Its thresholds are meant for planes of 0..1 but meet 0..255, so that each means "above 0"; kept for comparability.
    """
    body = nuclei[..., 2] > 0
    # what lies outside the image does not erode
    seeds = ndimage.binary_erosion(body & (nuclei[..., 1] == 0), CROSS, border_value=1)
    mask = holes_filled(body, pixels_of(HOLE_UM2, pixel_um))
    nuclei_map = split_by_lines(components_of(seeds, SQUARE), mask)
    return _renumbered(without_small(nuclei_map, pixels_of(NUCLEUS_UM2, pixel_um)))


def label_cells_exact(
    nuclei: Planes, cell: Planes, pixel_um: float, edge_cells: EdgeCells
) -> tuple[LabelMap, LabelMap]:
    """Return nuclei and cells; a nucleus carries the number of its cell, cells are numbered 1..n."""
    border, body = cv2.extractChannel(cell, 1), cv2.extractChannel(cell, 2)
    nuclei_map = _nuclei(nuclei, border, pixel_um)
    region = cell_region(body)
    markers = nuclei_map
    if edge_cells != "merged":
        interiors = components_of(region & (border < CELL_BORDER_LEVEL), CROSS)
        markers = with_edge_markers(nuclei_map, interiors, pixels_of(NUCLEUS_UM2, pixel_um))
    cells = _cells(markers, region, border, body, pixel_um)
    large = large_of((nuclei_map > 0) & (cells > 0), SQUARE, pixels_of(NUCLEUS_UM2, pixel_um))
    numbered = np.where(large, cells, 0)
    return without_bare_edge_cells(numbered, cells) if edge_cells == "dropped" else (numbered, cells)


def _nuclei(nuclei: Planes, cell_border: Plane, pixel_um: float) -> LabelMap:
    """Return the nuclei from which cells start."""
    wall = cv2.add(cv2.extractChannel(nuclei, 1), cell_border)  # stops at 255 where the original overflows
    body = cv2.extractChannel(nuclei, 2)
    seeds = large_of((body >= SEED_BODY_LEVEL) & (wall < WALL_LEVEL), CROSS, pixels_of(SEED_UM2, pixel_um))
    mask = holes_filled(body >= NUCLEUS_BODY_LEVEL, pixels_of(HOLE_UM2, pixel_um))
    mask = large_of(mask, CROSS, pixels_of(SPECK_UM2, pixel_um))
    nuclei_map = split_by_lines(components_of(seeds, CROSS), mask)
    # small ones go before the renumbering: parts of one seed that meet outside the mask only count together
    return _renumbered(without_small(nuclei_map, pixels_of(NUCLEUS_UM2, pixel_um)))


def _cells(
    markers: LabelMap, region: np.ndarray, border: Plane, body: Plane, pixel_um: float
) -> Int32[np.ndarray, "height width"]:
    """Return the cells grown from markers: first in their bodies, then, split_by_lines anew, into the border zone."""
    min_px = pixels_of(CELL_UM2, pixel_um)
    bodies = closed(without_small(flooded(body, markers, region), min_px), round(CLOSING_UM / pixel_um))
    cores = components_of(holes_filled(inner_of(bodies)), CROSS)
    grown = flooded(body, cores, (cores > 0) | (border >= CELL_BORDER_LEVEL))
    return components_of(large_of(holes_filled(inner_of(grown)), SQUARE, min_px), SQUARE)


def _renumbered(label_map: LabelMap) -> LabelMap:
    """Return the map with every connected part of a region (8 neighbours) numbered by itself, 1..n row by row."""
    return label(label_map, connectivity=2).astype(np.int32)  # type: ignore[no-untyped-call]  # has no types
