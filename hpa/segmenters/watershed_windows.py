"""The watershed on an image of any size: three passes over it for background and thresholds, then window by window.

Background, thresholds and the grid of the downsampled copy are those of the whole image; what is left is local. Where
files store nothing, nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from jaxtyping import Float64, Int32, Int64, Shaped
from scipy.sparse import csr_array

from hpa.core.field import Segmentation
from hpa.core.resampling import Resampling, axis_weights, nearest_exact
from hpa.core.windows import TileGrid, Window
from hpa.interfaces.windows import FieldReader
from hpa.segmenters.watershed import Watershed
from hpa.segmenters.watershed_levels import (
    Plane,
    WatershedLevels,
    above,
    coarse_size,
    darkest_of,
    noise_step_px,
    smoothed,
    stretched,
    top_level,
)

_NUCLEUS_REACH_UM = 60.0
"""A wide nucleus and the neighbourhood that it is compared with."""
_CELL_REACH_UM = 40.0
"""A nucleus and its neighbourhood, beside the reach of the cell and of the one that borders on it."""
_BINS = 1 << 18
"""Of brightness from 0 to 1: a quarter of a grey level of 16 bits."""


class WatershedWindows:
    """Segments windows of one image as the watershed segments the whole.

    Args:
        settings: The watershed.
        image: The image.
        tile_px: Side of the tiles in which it is read.
    """

    is_exact = True

    def __init__(self, settings: Watershed, image: FieldReader, tile_px: int) -> None:
        self._settings, self._image = settings, image
        full = (image.height, image.width)
        size, self._um = settings.work_size(full, image.pixel_um)
        self._shrink = Resampling(full, size)
        self._grid = TileGrid(*size, max(1, round(tile_px * size[0] / full[0])))
        reach_um = 2 * settings.reach_um + _CELL_REACH_UM if settings.cell_channels else _NUCLEUS_REACH_UM
        self.overlap_px = ceil(reach_um / image.pixel_um)
        coarse = coarse_size(settings.background_um, size, self._um)
        self._background = self._darkest(coarse)
        self._enlarge = Resampling(coarse, size, "linear")
        self.levels = self._surveyed()

    def segment(self, window: Window) -> Segmentation:
        """Return cells and nuclei of a window."""
        (height, width), size = self._shrink.full, self._shrink.size
        rows = nearest_exact(height, size[0], window.top, window.bottom)
        columns = nearest_exact(width, size[1], window.left, window.right)
        work = Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        planes = None if self.levels.nucleus is None else self._flattened(work)
        if planes is None:
            return Segmentation(np.zeros((window.height, window.width), np.int32))
        index = np.ix_(rows - work.top, columns - work.left)
        cells, nuclei = self._settings.found(planes, self.levels, self._um)
        return Segmentation(_at(cells, index), None if nuclei is None else _at(nuclei, index))

    def _small(self, window: Window) -> dict[str, Plane] | None:
        """Return the planes of a window of the downsampled copy, smoothed; None where they are black."""
        margin = ceil(4 * self._settings.smoothing_um / self._um) + 1
        padded = window.grown(margin, *self._shrink.size)
        source = self._shrink.source(padded)
        if not self._image.has_data(source):
            return None
        shown = self._image.read(source)
        if not shown.pixels.any():
            return None
        inside = window.relative_to(padded).slices
        smoothing_um, um = self._settings.smoothing_um, self._um
        return {
            channel: smoothed(self._shrink.plane(shown.plane(channel), padded), smoothing_um, um)[inside]
            for channel in self._settings.channels
        }

    def _flattened(self, window: Window) -> dict[str, Plane] | None:
        """Return the planes of a window, background subtracted; None where they are black."""
        planes = self._small(window)
        if planes is None:
            return None
        source = self._enlarge.source(window).slices
        return {
            channel: above(plane, self._enlarge.plane(self._background[channel][source], window))
            for channel, plane in planes.items()
        }

    def _tiles(self) -> Iterator[Window]:
        yield from (self._grid.tile(number) for number in range(self._grid.tiles))

    def _darkest(self, coarse: tuple[int, int]) -> dict[str, Plane]:
        """Return the background of each channel, as a coarse copy of the whole image."""
        means = {channel: np.zeros(coarse, np.float32) for channel in self._settings.channels}
        for tile in self._tiles():
            planes = self._small(tile)
            if planes is None:
                continue
            rows, by_row = _share(self._grid.height, coarse[0], tile.top, tile.bottom)
            columns, by_column = _share(self._grid.width, coarse[1], tile.left, tile.right)
            for channel, plane in planes.items():
                means[channel][rows, columns] += (by_column @ (by_row @ plane).T).T
        return {name: darkest_of(mean, self._settings.background_um, self._um) for name, mean in means.items()}

    def _surveyed(self) -> WatershedLevels:
        """Return the thresholds of the whole image."""
        settings, pixels = self._settings, self._grid.height * self._grid.width
        step = noise_step_px(settings.smoothing_um, self._um)
        roots, noise = _Histogram(), _Histogram()
        sums = {channel: np.zeros(2) for channel in settings.cell_channels}
        for tile in self._tiles():
            seen = Window(tile.top, tile.left, tile.bottom, min(self._grid.width, tile.right + step))
            planes = self._flattened(seen)
            if planes is None:
                continue
            root = np.sqrt(planes[settings.nucleus_channel])
            roots.add(root[:, : tile.width])
            noise.add(_differences(root, tile, step))
            for channel, total in sums.items():
                plane = planes[channel][:, : tile.width].astype(np.float64)
                total += (plane.sum(), (plane**2).sum())
        roots.add_zeros(pixels)
        noise.add_zeros(-(-self._grid.height // 4) * len(range(0, self._grid.width - step, 2)))
        threshold = roots.otsu()
        if roots.contrast(threshold) < settings.nucleus_contrast * noise.median() / (0.6745 * 2**0.5):
            return WatershedLevels()
        tops = []
        for mean, square in (total / pixels for total in sums.values()):
            tops.append(top_level(float(mean), float(max(0.0, square - mean**2)) ** 0.5))
        return WatershedLevels(threshold, tuple(tops), self._cell_threshold(tuple(tops)) if tops else 0.0)

    def _cell_threshold(self, tops: tuple[float, ...]) -> float:
        cytoplasm = _Histogram()
        for tile in self._tiles():
            planes = self._flattened(tile)
            if planes is not None:
                cytoplasm.add(stretched([planes[channel] for channel in self._settings.cell_channels], tops))
        cytoplasm.add_zeros(self._grid.height * self._grid.width)
        return cytoplasm.otsu()


@dataclass
class _Histogram:
    """Counts of values from 0 to 1, and the highest one."""

    counts: Int64[np.ndarray, " bin"] = field(default_factory=lambda: np.zeros(_BINS + 1, np.int64))
    top: float = 0.0

    def add(self, values: Shaped[np.ndarray, "*axes"]) -> None:
        places = np.minimum((values * np.float32(_BINS)).astype(np.int32), _BINS)
        self.counts += np.bincount(places.ravel(), minlength=_BINS + 1)
        self.top = max(self.top, float(values.max(initial=0)))

    def add_zeros(self, total: int) -> None:
        """Count values that were not added, because they are 0, up to so many in all."""
        self.counts[0] += max(0, total - int(self.counts.sum()))

    def contrast(self, threshold: float) -> float:
        """Return the mean of the values above a threshold less that of the others; -1 where none is above."""
        is_bright = self._values() > threshold
        bright, dark = self.counts[is_bright], self.counts[~is_bright]
        if not bright.any():
            return -1.0
        values = self._values()
        means = [float(values[part] @ self.counts[part]) for part in (is_bright, ~is_bright)]
        return means[0] / int(bright.sum()) - means[1] / max(1, int(dark.sum()))

    def median(self) -> float:
        """Return the middle value, 0 of none."""
        half = (int(self.counts.sum()) + 1) // 2
        return float(self._values()[np.searchsorted(np.cumsum(self.counts), half)]) if half else 0.0

    def otsu(self) -> float:
        """Return Otsu's threshold as OpenCV finds it among 256 levels up to the highest value, 0 where all is black."""
        if self.top <= 0:
            return 0.0
        levels = np.minimum(self._values() * (255 / self.top), 255).astype(np.int64)
        return _otsu_level(np.bincount(levels, weights=self.counts, minlength=256)) * self.top / 255

    def _values(self) -> Float64[np.ndarray, " bin"]:
        """Return the middle of each bin; the first holds nearly nothing but zeros."""
        values = (np.arange(_BINS + 1) + 0.5) / _BINS
        values[0] = 0
        return np.minimum(values, 1.0)


def _otsu_level(counts: Float64[np.ndarray, " level"]) -> int:
    """Return the level that separates two classes best; equal to `cv2.threshold(…, THRESH_OTSU)`."""
    shares = counts / counts.sum()
    mean = float(shares @ np.arange(len(shares)))
    below = np.cumsum(shares)
    first = np.cumsum(shares * np.arange(len(shares)))
    smallest = np.finfo(np.float32).eps
    usable = (np.minimum(below, 1 - below) >= smallest) & (np.maximum(below, 1 - below) <= 1 - smallest)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * (1 - below) * (first / below - (mean - first) / (1 - below)) ** 2
    between[~usable] = 0
    return int(np.argmax(between)) if between.any() else 0


def _differences(root: Plane, tile: Window, step: int) -> Shaped[np.ndarray, "row column"]:
    """Return the differences of nearby pixels of a tile: of every fourth row and second column of the whole image."""
    rows = slice(-tile.top % 4, None, 4)
    first = tile.left % 2
    count = len(range(first, min(tile.width, root.shape[1] - step), 2))
    there = slice(first + step, first + step + 2 * count, 2)
    return np.abs(root[rows, there] - root[rows, first : first + 2 * count : 2])


def _share(full: int, size: int, start: int, stop: int) -> tuple[slice, csr_array]:
    """Return which coarse pixels the pixels start to stop contribute to, and their weights (coarse pixel, pixel)."""
    low, high = start * size // full, min(size, -(-stop * size // full))
    weights = axis_weights(full, size, low, high, "area")
    entries = weights.matrix.tocoo()
    columns = entries.col + weights.start - start
    inside = (columns >= 0) & (columns < stop - start)
    shape = (high - low, stop - start)
    return slice(low, high), csr_array((entries.data[inside], (entries.row[inside], columns[inside])), shape=shape)


def _at(label_map: Int32[np.ndarray, "h w"], index: tuple[np.ndarray, ...]) -> Int32[np.ndarray, "height width"]:
    return np.ascontiguousarray(label_map[index])
