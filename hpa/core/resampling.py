"""Windows of a resized plane: what `cv2.resize` makes of the whole, for a part of it that is worked on alone.

Resizing is linear and separable: a window of the result is the rows' weights times the pixels times the columns'
weights, where a window's weights are those of the whole plane. Factors that are whole numbers go through OpenCV itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float64, Int64, Shaped
from scipy.sparse import csr_array

from hpa.core.windows import Window

_SLIVER = 1e-3
"""Shares of a pixel that OpenCV leaves out of a mean over an area."""
Method = Literal["area", "linear"]


class AxisWeights(NamedTuple):
    """What pixels start to stop of one axis contribute to some pixels of the resized axis.

    Attributes:
        start: First pixel that contributes.
        stop: Behind the last one.
        matrix: Weights, (resized pixel, contributing pixel).
    """

    start: int
    stop: int
    matrix: csr_array


@dataclass(frozen=True)
class Resampling:
    """Resizes planes of one size to another, window by window.

    Attributes:
        full: Height and width before, px.
        size: Height and width afterwards, px.
        method: `area` averages (for shrinking), `linear` interpolates (for growing).
    """

    full: tuple[int, int]
    size: tuple[int, int]
    method: Method = "area"

    def source(self, window: Window) -> Window:
        """Return the window of the full plane that a window of the resized one is made of."""
        rows, columns = (
            axis_weights(*pair, start, stop, self.method)
            for pair, (start, stop) in zip(
                zip(self.full, self.size, strict=True),
                ((window.top, window.bottom), (window.left, window.right)),
                strict=True,
            )
        )
        return Window(rows.start, columns.start, rows.stop, columns.stop)

    def plane(
        self, pixels: Shaped[np.ndarray, "height width"], window: Window
    ) -> Shaped[np.ndarray, "new_height new_width"]:
        """Return a window of the resized plane, of the type of the pixels.

        Args:
            pixels: The window `source(window)` of the full plane.
            window: Of the resized plane.
        """
        if self.full == self.size:
            return pixels
        is_whole = all(full % size == 0 for full, size in zip(self.full, self.size, strict=True))
        if is_whole and self.method == "area":
            return cv2.resize(pixels, (window.width, window.height), interpolation=cv2.INTER_AREA)
        rows = axis_weights(self.full[0], self.size[0], window.top, window.bottom, self.method)
        columns = axis_weights(self.full[1], self.size[1], window.left, window.right, self.method)
        found = (columns.matrix @ (rows.matrix @ pixels.astype(np.float32)).T).T
        return np.rint(found).astype(pixels.dtype) if pixels.dtype.kind == "u" else np.ascontiguousarray(found)


def axis_weights(full: int, size: int, start: int, stop: int, method: Method) -> AxisWeights:
    """Return the weights of pixels start to stop of an axis of `full` pixels that is resized to `size`."""
    places = np.arange(start, stop)
    first, weights = _area(full, size, places) if method == "area" else _linear(full, size, places)
    count = weights.shape[1]
    columns = first[:, None] + np.arange(count)
    is_used = weights > 0
    low, high = int(columns[is_used].min()), int(columns[is_used].max()) + 1
    rows = np.repeat(np.arange(len(places)), count).reshape(weights.shape)
    entries = (weights[is_used].astype(np.float32), (rows[is_used], columns[is_used] - low))
    return AxisWeights(low, high, csr_array(entries, shape=(len(places), high - low)))


def nearest_exact(full: int, size: int, start: int, stop: int) -> Int64[np.ndarray, " _"]:
    """Return the pixel of an axis of `size` that pixels start to stop of the axis of `full` show (INTER_NEAREST_EXACT).

    >>> nearest_exact(6, 3, 0, 6).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    # OpenCV's own answer: it rounds half way between two pixels to either side
    numbers = np.arange(size, dtype=np.int32)[None]
    return cv2.resize(numbers, (full, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0, start:stop].astype(np.int64)


def nearest(full: int, size: int, start: int, stop: int) -> Int64[np.ndarray, " _"]:
    """Return the pixel of an axis of `size` that pixels start to stop of the axis of `full` show (INTER_NEAREST)."""
    return np.minimum(np.floor(np.arange(start, stop) * (size / full)).astype(np.int64), size - 1)


def _area(
    full: int, size: int, places: Int64[np.ndarray, " _"]
) -> tuple[Int64[np.ndarray, " _"], Float64[np.ndarray, "_ tap"]]:
    scale = full / size
    low = places * scale
    high = np.minimum(low + scale, full)
    first = np.floor(low).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(scale)) + 1)
    shared = np.minimum(high[:, None], taps + 1) - np.maximum(low[:, None], taps)
    shared = np.where((shared > _SLIVER) & (taps < full), shared, 0)
    return first, shared / np.minimum(scale, full - low)[:, None]


def _linear(
    full: int, size: int, places: Int64[np.ndarray, " _"]
) -> tuple[Int64[np.ndarray, " _"], Float64[np.ndarray, "_ tap"]]:
    at = (places + 0.5) * (full / size) - 0.5
    first = np.floor(at).astype(np.int64)
    share = at - first
    share[(first < 0) | (first >= full - 1)] = 0
    first = np.clip(first, 0, full - 1)
    return first, np.stack([1 - share, share], axis=1)
