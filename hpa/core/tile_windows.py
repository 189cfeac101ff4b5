"""Windows of a tiled prediction: the tiles and weights of the whole image, computed only where a window needs them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped

from hpa.core.tiles import PredictTiles, blend_weights, padded_to, profile, starts
from hpa.core.windows import Window

_KEPT_BYTES = 256 << 20
"""Predicted tiles that are kept: windows overlap."""
Read = Callable[[Window], Shaped[np.ndarray, "channel height width"]]


class TiledWindows:
    """What `predict_tiled` gives for a whole image, window by window.

    Args:
        read: Reads planes of the image.
        height: Of the image, px.
        width: So too.
        side_px: Side of a tile.
        overlap_px: Minimum overlap of neighbours.
        batch_tiles: How many tiles are predicted at a time.
        predict: The network.
    """

    def __init__(
        self,
        read: Read,
        height: int,
        width: int,
        side_px: int,
        overlap_px: int,
        batch_tiles: int,
        predict: PredictTiles,
    ) -> None:
        self._read, self._predict, self._batch_tiles = read, predict, batch_tiles
        self._whole, self._side_px = Window(0, 0, height, width), side_px
        self._rows, self._columns = starts(height, side_px, overlap_px), starts(width, side_px, overlap_px)
        self._weights = blend_weights(side_px)
        self._kept: OrderedDict[tuple[int, int], Float32[np.ndarray, "plane side side"]] = OrderedDict()

    def window(self, window: Window) -> Float32[np.ndarray, "plane height width"]:
        """Return the prediction of a window, blended from the tiles of the whole image."""
        rows = self._touched(self._rows, window.top, window.bottom)
        columns = self._touched(self._columns, window.left, window.right)
        corners = [(int(y), int(x)) for y in rows for x in columns]
        total: Float32[np.ndarray, "plane height width"] | None = None
        for first in range(0, len(corners), self._batch_tiles):
            for corner, tile in self._tiles(corners[first : first + self._batch_tiles]):
                place = Window(*corner, corner[0] + self._side_px, corner[1] + self._side_px)
                common = place.common(window)
                if total is None:
                    total = np.zeros((len(tile), window.height, window.width), np.float32)
                inside = common.relative_to(place).slices
                total[:, *common.relative_to(window).slices] += tile[:, *inside] * self._weights[inside]
        assert total is not None  # tiles cover the image
        total /= self._total_weight(rows, window.top, window.bottom)[:, None]
        total /= self._total_weight(columns, window.left, window.right)
        return total

    def _touched(self, starts_px: Int64[np.ndarray, " tile"], first: int, stop: int) -> Int64[np.ndarray, " touched"]:
        return starts_px[(starts_px < stop) & (starts_px + self._side_px > first)]

    def _tiles(
        self, corners: list[tuple[int, int]]
    ) -> list[tuple[tuple[int, int], Float32[np.ndarray, "plane side side"]]]:
        """Return the tiles at some corners, predicted where they are not kept."""
        missing = [corner for corner in corners if corner not in self._kept]
        if missing:
            maps = self._predict(np.stack([self._pixels(*corner) for corner in missing]))
            self._kept |= dict(zip(missing, maps, strict=True))
        found = [(corner, self._kept[corner]) for corner in corners]
        for corner in corners:
            self._kept.move_to_end(corner)
        while len(self._kept) > 1 and len(self._kept) * found[0][1].nbytes > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return found

    def _pixels(self, y: int, x: int) -> Shaped[np.ndarray, "channel side side"]:
        inside = Window(y, x, y + self._side_px, x + self._side_px).common(self._whole)
        return padded_to(self._read(inside), self._side_px)

    def _total_weight(
        self, starts_px: Int64[np.ndarray, " tile"], first: int, stop: int
    ) -> Float32[np.ndarray, " length"]:
        """Return the sum of the weights of all tiles along one side of a window."""
        total: Float64[np.ndarray, " length"] = np.zeros(stop - first)
        weights = profile(self._side_px)
        for start in starts_px.tolist():
            low, high = max(start, first), min(start + self._side_px, stop)
            total[low - first : high - first] += weights[low - start : high - start]
        return total.astype(np.float32)
