"""Which pixel belongs to which cell: outlines compete where they overlap, so that neighbours share a border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32

from hpa.simulation.culture import MARGIN_UM, Cell
from hpa.simulation.outline import relative_distance


@dataclass(frozen=True)
class Territory:
    """Label maps of a canvas that is `margin_px` wider than the field on each side.

    Attributes:
        cells: Cell i of the culture has number i + 1, also where another label map drops it.
        nuclei: The same numbers where the nuclei are.
        windows: Rows and columns of the canvas that hold each cell.
        margin_px: Width of the margin.
        pixel_um: Side of a pixel.
    """

    cells: Int32[np.ndarray, "canvas_height canvas_width"]
    nuclei: Int32[np.ndarray, "canvas_height canvas_width"]
    windows: tuple[tuple[slice, slice], ...]
    margin_px: int
    pixel_um: float

    def inner(self, canvas: np.ndarray) -> np.ndarray:
        """Return the part of a canvas (last two axes) that lies in the field."""
        edge = self.margin_px
        return canvas[..., edge : canvas.shape[-2] - edge, edge : canvas.shape[-1] - edge]


def divide(cells: Sequence[Cell], height: int, width: int, pixel_um: float) -> Territory:
    """Give each pixel to the cell in which it lies deepest, relative to the cell's own size; nuclei are never cut."""
    margin_px = int(np.ceil(MARGIN_UM / pixel_um))
    shape = (height + 2 * margin_px, width + 2 * margin_px)
    depth = np.ones(shape, np.float32)
    owner = np.zeros(shape, np.int32)
    nuclei = np.zeros(shape, np.int32)
    windows = tuple(_window(cell, margin_px, pixel_um, shape) for cell in cells)
    for number, (cell, window) in enumerate(zip(cells, windows, strict=True), start=1):
        x, y = offsets_um(cell, window, margin_px, pixel_um)
        core = (relative_distance(x, y, cell.nucleus_um) < 1) & (nuclei[window] == 0)
        distance = relative_distance(x, y, cell.outline_um)
        distance[core] = -1
        nearer = distance < depth[window]
        owner[window][nearer] = number
        depth[window][nearer] = distance[nearer]
        nuclei[window][core] = number
    for number, window in enumerate(windows, start=1):
        owner[window][_fragments(owner[window] == number, nuclei[window] == number)] = 0
    return Territory(owner, nuclei, windows, margin_px, pixel_um)


def offsets_um(
    cell: Cell, window: tuple[slice, slice], margin_px: int, pixel_um: float
) -> tuple[Float32[np.ndarray, "height width"], Float32[np.ndarray, "height width"]]:
    """Return the offsets (x, y) of a window's pixels from the centre of a cell."""
    x = (np.arange(window[1].start, window[1].stop) + 0.5 - margin_px) * pixel_um - cell.x_um
    y = (np.arange(window[0].start, window[0].stop) + 0.5 - margin_px) * pixel_um - cell.y_um
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return grid_x, grid_y


def _window(cell: Cell, margin_px: int, pixel_um: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns around a cell, clipped to the canvas, at least one pixel."""
    reach = int(np.ceil(cell.outline_um.max() / pixel_um)) + 2
    bounds = []
    for centre_um, side in ((cell.y_um, shape[0]), (cell.x_um, shape[1])):
        centre = min(max(int(centre_um / pixel_um) + margin_px, 0), side - 1)
        bounds.append(slice(max(0, centre - reach), min(side, centre + reach + 1)))
    return bounds[0], bounds[1]


def _fragments(
    cell: Bool[np.ndarray, "height width"], nucleus: Bool[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"]:
    """Return the parts of a cell that a neighbour cut off from the nucleus."""
    count, parts = cv2.connectedComponents(cell.astype(np.uint8), connectivity=4)
    if count <= 2:
        return np.zeros_like(cell)
    sizes = np.bincount(parts[nucleus & cell], minlength=count)
    return cell & (parts != int(sizes.argmax()))
