"""The cells of one tile: segmented in a larger window, each owned by the tile in which the middle of its box lies.

A cell that reaches the edge of the window was not seen whole: the tile is segmented again in a larger one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float64, Int64

from hpa.core.field import Field, Segmentation
from hpa.core.label_map import boxes_of, relabel
from hpa.core.windows import TileGrid, Window
from hpa.inference.large.tile_part import TilePart, empty_part
from hpa.interfaces.windows import FieldReader, WindowSegmenter

_TRIES = 3
"""Windows that a tile is segmented in, each with twice the overlap of the former."""
_BESIDE_PX = 64
"""How far outside a tile cells are kept too: one that two tiles see a little differently must not be lost by both."""
Measure = Callable[[Field, Segmentation], pa.Table]


@dataclass(frozen=True)
class TileWork:
    """Segments the tiles of an image.

    Attributes:
        image: The image.
        segmenter: Knows the whole of it.
        grid: The tiles.
        overlap_px: How far beyond a tile is seen at first.
        measure: Gives a row for each cell 1..n of a window, None to measure nothing.
    """

    image: FieldReader
    segmenter: WindowSegmenter
    grid: TileGrid
    overlap_px: int
    measure: Measure | None

    def part(self, number: int) -> TilePart:
        """Return the cells of a tile.

        Raises:
            InputError: If the image cannot be read there.
        """
        tile = self.grid.tile(number)
        size = (self.image.height, self.image.width)
        for attempt in range(_TRIES):
            window = tile.grown(self.overlap_px << attempt, *size)
            if not self.image.has_data(window):
                return empty_part(tile)
            found = self.segmenter.segment(window)
            chosen = _Chosen(found, window, tile, size)
            if not chosen.is_cut.any():
                break
        return self._part(chosen)

    def _part(self, chosen: _Chosen) -> TilePart:
        kept = np.concatenate([np.flatnonzero(chosen.is_owned), np.flatnonzero(chosen.is_beside)])
        if not len(kept):
            return empty_part(chosen.tile)
        top, left = chosen.boxes[kept, :2].min(axis=0)
        bottom, right = chosen.boxes[kept, 2:].max(axis=0)
        new_number = np.zeros(len(chosen.boxes) + 1, np.int32)
        new_number[kept + 1] = np.arange(1, len(kept) + 1)
        cells = new_number[chosen.cells[top:bottom, left:right]]
        nuclei = None if chosen.nuclei is None else chosen.nuclei[top:bottom, left:right] & (cells > 0)
        window = chosen.window
        place = Window(window.top + top, window.left + left, window.top + bottom, window.left + right)
        measured = None
        if self.measure is not None:
            measured = self._measured(chosen).take(kept)
        owned, cut = int(chosen.is_owned.sum()), int(chosen.is_cut.sum())
        return TilePart(Window(*map(int, place)), cells, nuclei, owned, cut, measured)

    def _measured(self, chosen: _Chosen) -> pa.Table:
        """Return the rows of all cells of a window, their places those in the image."""
        assert self.measure is not None
        nuclei = None if chosen.nuclei is None else np.where(chosen.nuclei, chosen.cells, 0).astype(np.int32)
        table = self.measure(self.image.read(chosen.window), Segmentation(chosen.cells, nuclei))
        shifts = {"top_px": 0, "bottom_px": 0, "centroid_y_px": 0, "left_px": 1, "right_px": 1, "centroid_x_px": 1}
        for name, axis in shifts.items():
            place = table.schema.get_field_index(name)
            shifted = table[name].to_numpy() + chosen.window[axis]
            table = table.set_column(place, table.schema.field(name), pa.array(shifted, table.schema.field(name).type))
        return table


class _Chosen:
    """The cells of a window, and which of them a tile keeps."""

    def __init__(self, found: Segmentation, window: Window, tile: Window, size: tuple[int, int]) -> None:
        self.window, self.tile = window, tile
        self.cells = relabel(found.cells)
        self.nuclei = None if found.nuclei is None else (found.nuclei > 0) & (found.nuclei == found.cells)
        self.boxes: Int64[np.ndarray, "cell 4"] = boxes_of(self.cells)
        middle: Float64[np.ndarray, "cell 2"] = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2 + window[:2]
        self.is_owned = _inside(middle, tile)
        inner = [window.top > 0, window.left > 0, window.bottom < size[0], window.right < size[1]]
        edges = [0, 0, window.height, window.width]
        touches = ((self.boxes == edges) & inner).any(axis=1)
        self.is_cut = self.is_owned & touches
        self.is_beside = _inside(middle, tile.grown(_BESIDE_PX, *size)) & ~self.is_owned & ~touches


def _inside(points: Float64[np.ndarray, "cell 2"], window: Window) -> Bool[np.ndarray, " cell"]:
    return np.all((points >= window[:2]) & (points < window[2:]), axis=1)
