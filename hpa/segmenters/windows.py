"""Segmenters on images that do not fit into memory: what knows the whole image once, then segments its windows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float32

from hpa.core.field import Segmentation
from hpa.core.planes import PlaneLevels, plane_of
from hpa.core.resampling import Resampling, nearest
from hpa.core.windows import TileGrid, Window
from hpa.interfaces import Segmenter
from hpa.interfaces.windows import FieldReader, WindowSegmenter
from hpa.segmenters.network import NetworkSegmenter, ReadsWindows, WindowedNetwork
from hpa.segmenters.watershed import Watershed
from hpa.segmenters.watershed_windows import WatershedWindows

DEFAULT_OVERLAP_PX = 256
"""Of segmenters that know no size of cells; objects that are larger are noticed, and seen in a larger window."""


def windows_of(segmenter: Segmenter, image: FieldReader, tile_px: int) -> WindowSegmenter:
    """Return what segments windows of an image.

    Args:
        segmenter: The watershed and dense networks take their levels from the whole image; others from each window.
        image: Is read once or more for that.
        tile_px: Side of the tiles in which it is read.
    """
    if isinstance(segmenter, Watershed):
        return WatershedWindows(segmenter, image, tile_px)
    if isinstance(segmenter, NetworkSegmenter) and isinstance(segmenter.network, ReadsWindows):
        windows = NetworkWindows(segmenter, image, tile_px)
        if windows.is_exact:
            return windows
    return EachWindow(segmenter, image)


class EachWindow:
    """Segments every window as if it were an image of its own: its levels are the window's.

    Args:
        segmenter: Any.
        image: The image.
    """

    overlap_px = DEFAULT_OVERLAP_PX
    is_exact = False

    def __init__(self, segmenter: Segmenter, image: FieldReader) -> None:
        self._segmenter, self._image = segmenter, image

    def segment(self, window: Window) -> Segmentation:
        """Return cells and nuclei of a window."""
        return self._segmenter.segment([self._image.read(window)])[0]


class NetworkWindows:
    """Segments windows with a dense network: levels, scale and grid of tiles are those of the whole image.

    Args:
        segmenter: The network.
        image: The image.
        tile_px: Side of the tiles in which it is read for its levels.
    """

    overlap_px = DEFAULT_OVERLAP_PX

    def __init__(self, segmenter: NetworkSegmenter, image: FieldReader, tile_px: int) -> None:
        self._image, self._channels, self._spec = image, segmenter.channels, segmenter.network.spec
        sizes = [(image.height, image.width)]
        sizes.append(self._spec.scaled_size(image.image_id, *sizes[0], image.pixel_um))
        height, width = sizes[-1]
        if segmenter.enlarge != 1:
            sizes.append((max(1, round(height * segmenter.enlarge)), max(1, round(width * segmenter.enlarge))))
        self._steps = [_step(*pair) for pair in pairwise(sizes)]
        self._full, self._size = sizes[0], sizes[-1]
        network = segmenter.network
        assert isinstance(network, ReadsWindows)
        self._levels: PlaneLevels | None = None
        self._network: WindowedNetwork | None = network.windows(self._planes, *self._size)
        self.is_exact = self._network is not None
        if self.is_exact:
            self._levels = self._sampled(TileGrid(*self._full, tile_px))

    def segment(self, window: Window) -> Segmentation:
        """Return the cells of a window."""
        rows = nearest(self._full[0], self._size[0], window.top, window.bottom)
        columns = nearest(self._full[1], self._size[1], window.left, window.right)
        scaled = Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        assert self._network is not None
        label_map = np.asarray(self._network.instances(scaled).label_map, np.int32)
        return Segmentation(np.ascontiguousarray(label_map[np.ix_(rows - scaled.top, columns - scaled.left)]))

    def _planes(self, window: Window) -> Float32[np.ndarray, "channel height width"]:
        """Return a window of the image as the network sees it."""
        parts = [window]
        for step in reversed(self._steps):
            parts.insert(0, step.source(parts[0]))
        shown = self._image.read(parts[0])
        pixels = np.stack([plane_of(shown, channel) for channel in self._channels])
        assert self._levels is not None
        planes = self._spec.scaled(pixels, self._levels)
        for step, part in zip(self._steps, parts[1:], strict=True):
            planes = np.stack([step.plane(plane, part) for plane in planes])
        return planes

    def _sampled(self, grid: TileGrid) -> PlaneLevels:
        """Return the levels of the whole image, of the pixels that they are taken of where it is read as one."""
        first = self._image.read(Window(0, 0, 1, 1))
        top = float(np.iinfo(first.pixels.dtype).max)
        stride = self._spec.stride_of(*self._full)
        if stride is None:
            return self._spec.levels_of(None, top)
        samples = []
        for tile in (grid.tile(number) for number in range(grid.tiles)):
            rows, columns = slice(-tile.top % stride, None, stride), slice(-tile.left % stride, None, stride)
            count = len(range(tile.height)[rows]) * len(range(tile.width)[columns])
            if count and self._image.has_data(tile):
                shown = self._image.read(tile)
                planes = [plane_of(shown, channel)[rows, columns].ravel() for channel in self._channels]
                samples.append(np.stack(planes))
            else:
                samples.append(np.zeros((len(self._channels), count), np.float32))
        return self._spec.levels_of(np.concatenate(samples, axis=1), top)


def _step(full: tuple[int, int], size: tuple[int, int]) -> Resampling:
    return Resampling(full, size, "area" if size[0] * size[1] < full[0] * full[1] else "linear")
