"""The same cells at a fraction of the time: connectivity is computed at full size, floods on a coarse grid.

The number of cells depends on connectivity, which a single row of pixels can change; it is cheap to compute on all
pixels (connected components). The slow part are the floods that find outlines; they run on pixels of 0.32 µm, the size
at which the networks predict. The steps and their sizes are those of `exact.py`, except for the closing of narrow gaps
and the erosion of cells by a pixel, which matter little on that grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int32, Shaped, UInt8

from hpa.core.label_map import relabel
from hpa.segmenters.hpa_cell.criteria import (
    CELL_BORDER_LEVEL,
    CELL_UM2,
    HOLE_UM2,
    NUCLEUS_BODY_LEVEL,
    NUCLEUS_UM2,
    SEED_BODY_LEVEL,
    SEED_UM2,
    WALL_LEVEL,
    cell_region,
    pixels_of,
)
from hpa.segmenters.hpa_cell.edge_cells import EdgeCells, with_edge_markers, without_bare_edge_cells
from hpa.segmenters.hpa_cell.regions import SQUARE, components_of, flooded, holes_filled, without_small

WORK_UM = 0.32
"""Pixel size of the coarse grid; images of larger pixels are not enlarged."""

Planes = UInt8[np.ndarray, "height width plane=3"]
Plane = UInt8[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]
LabelMap = Int32[np.ndarray, "height width"]
CoarseMap = Int32[np.ndarray, "coarse_height coarse_width"]


@dataclass(frozen=True)
class _Grid:
    """The coarse grid of an image of a size (height, width)."""

    size: tuple[int, int]
    pixel_um: float

    @property
    def shrink(self) -> float:
        """How many pixels of the image a coarse pixel is wide."""
        return max(1.0, WORK_UM / self.pixel_um)

    @property
    def coarse_size(self) -> tuple[int, int]:
        """Height and width in coarse pixels."""
        return max(1, round(self.size[0] / self.shrink)), max(1, round(self.size[1] / self.shrink))

    @property
    def area_px(self) -> float:
        """Pixels of the image in a coarse one."""
        return float(np.prod(self.size) / np.prod(self.coarse_size))

    def pixels_of(self, area_um2: float) -> int:
        """Return an area in coarse pixels."""
        return pixels_of(area_um2, self.pixel_um * self.shrink)

    def sampled(self, plane: Shaped[np.ndarray, "height width"]) -> Shaped[np.ndarray, "coarse_height coarse_width"]:
        """Return the value in the middle of each coarse pixel."""
        return cv2.resize(plane, self.coarse_size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

    def lowest(self, plane: Plane) -> UInt8[np.ndarray, "coarse_height coarse_width"]:
        """Return the lowest value in each coarse pixel, so that narrow valleys stay."""
        width = round(self.shrink)
        return self.sampled(cv2.erode(plane, np.ones((width, width), np.uint8)))

    def highest(self, plane: Plane) -> UInt8[np.ndarray, "coarse_height coarse_width"]:
        """Return the highest value in each coarse pixel, so that narrow ridges stay."""
        width = round(self.shrink)
        return self.sampled(cv2.dilate(plane, np.ones((width, width), np.uint8)))

    def enlarged(self, label_map: CoarseMap) -> LabelMap:
        """Return a coarse label map at the size of the image."""
        return cv2.resize(label_map, self.size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def label_cells_fast(nuclei: Planes, cell: Planes, pixel_um: float, edge_cells: EdgeCells) -> tuple[LabelMap, LabelMap]:
    """Return nuclei and cells; a nucleus carries the number of its cell, cells are numbered 1..n."""
    grid = _Grid((cell.shape[0], cell.shape[1]), pixel_um)
    border, body = np.ascontiguousarray(cell[..., 1]), np.ascontiguousarray(cell[..., 2])
    nuclei_map = _nuclei(nuclei, border, grid)
    region = cell_region(body)
    markers = nuclei_map
    if edge_cells != "merged":
        interiors = grid.sampled(_components(region & (border < CELL_BORDER_LEVEL)))
        markers = with_edge_markers(nuclei_map, interiors, grid.pixels_of(NUCLEUS_UM2))
    cells = _cells(markers, region, border, body, grid)
    own = components_of((nuclei_map > 0) & (cells > 0), SQUARE)
    large = without_small(own, grid.pixels_of(NUCLEUS_UM2)) > 0
    numbered = np.where(large, cells, 0)
    if edge_cells == "dropped":
        numbered, cells = without_bare_edge_cells(numbered, cells)
    return grid.enlarged(numbered), grid.enlarged(cells)


def _nuclei(nuclei: Planes, cell_border: Plane, grid: _Grid) -> CoarseMap:
    """Return the nuclei from which cells start."""
    border, body = np.ascontiguousarray(nuclei[..., 1]), np.ascontiguousarray(nuclei[..., 2])
    inside = body >= NUCLEUS_BODY_LEVEL
    seeds = (cv2.add(border, cell_border) < WALL_LEVEL) & (body >= SEED_BODY_LEVEL)  # the sum saturates at 255
    parents = without_small(grid.sampled(_components(seeds)), grid.pixels_of(SEED_UM2))
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats((seeds & inside).view(np.uint8), connectivity=4)
    pieces = np.where(parents > 0, grid.sampled(pieces), 0)
    parent_of, body_of = np.zeros((2, len(statistics)), np.int64)
    parent_of[pieces], body_of[pieces] = parents, grid.sampled(_components(inside, connectivity=8))
    parent_of[0] = body_of[0] = 0
    # what one seed fills of one body is one nucleus, even with a wall inside; bodies are 8-connected
    pairs, nucleus_of = np.unique(np.stack([parent_of, body_of], axis=1), axis=0, return_inverse=True)
    seeded = nucleus_of.ravel().astype(np.int32)[pieces]
    mask = holes_filled(grid.sampled(inside.view(np.uint8)) > 0, grid.pixels_of(HOLE_UM2))
    grown = flooded(np.zeros_like(mask, np.uint8), seeded, mask)
    added = np.bincount(grown.ravel(), minlength=len(pairs)) - np.bincount(seeded.ravel(), minlength=len(pairs))
    of_pieces = np.bincount(nucleus_of.ravel(), weights=statistics[:, cv2.CC_STAT_AREA], minlength=len(pairs))
    # nuclei of one seed that meet outside the mask only count together, as in the original
    whole_px = np.bincount(pairs[:, 0], weights=of_pieces + added * grid.area_px)[pairs[:, 0]]
    keep = (whole_px >= pixels_of(NUCLEUS_UM2, grid.pixel_um)) & (pairs[:, 0] > 0)
    return np.where(keep, np.arange(len(pairs)), 0).astype(np.int32)[grown]


def _cells(markers: CoarseMap, region: Mask, border: Plane, body: Plane, grid: _Grid) -> CoarseMap:
    """Return the cells grown from markers: first in their bodies, then into the border zone; numbered 1..n."""
    parts = _components(region)
    reached = np.zeros(parts.max(initial=0) + 1, bool)
    reached[grid.sampled(parts)[markers > 0]] = True
    reached[0] = False
    floodable = reached[parts].view(np.uint8)
    height = grid.lowest(body)
    min_px = grid.pixels_of(CELL_UM2)
    # channels narrower than a coarse pixel let the flood pass, but do not count as area
    grown = flooded(height, markers, (grid.highest(floodable) > 0) | (markers > 0))
    bodies = without_small(np.where(grid.sampled(floodable) > 0, grown, 0), min_px)
    zone = grid.sampled(border) >= CELL_BORDER_LEVEL
    return relabel(without_small(flooded(height, bodies, (bodies > 0) | zone), min_px))


def _components(mask: Mask, connectivity: int = 4) -> LabelMap:
    """Return the connected pieces of a mask (4 or 8 neighbours), in any order."""
    return cv2.connectedComponents(mask.view(np.uint8), connectivity=connectivity)[1]
