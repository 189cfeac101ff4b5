"""Figures of every image of a set: levels, saturation, cells, stain, a fingerprint; read once, by several processes.

Nothing of the pixels is kept, so that memory does not grow with their number: some kilobytes an image.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, Int64, UInt8, UInt16

from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.label_map import labels_of
from hpa.intake.data_set.opening import Reader
from hpa.interfaces import Split
from hpa.sources.duplicates import Fingerprint, coarse_fingerprint_of

BINS = 64
"""Of histograms; as wide as the square root of levels: dim images use few of them otherwise."""
_ALONE_S = 2.0
"""Once one process has measured for so long, more are started; they take as long to import."""
_CHUNK = 8
_MAX_HISTOGRAM_PX = 1 << 19
_TISSUE_SAMPLE_PX = 8
_MIN_TISSUE_DENSITY = 0.15
_BRIGHT_SHARE = 0.999
Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]


@dataclass(frozen=True)
class ChannelFigures:
    """Levels of one plane, as shares of the range of its type.

    Attributes:
        histogram: Share of the pixels in bins of growing width: bin k begins at (k / BINS)².
        mean: Mean level.
        bright: The level that a thousandth of the pixels exceeds.
        top: The highest level there is.
        saturated: Share of the pixels at that level.
    """

    histogram: Float64[np.ndarray, " bin"]
    mean: float
    bright: float
    top: float
    saturated: float


@dataclass(frozen=True)
class ImageFigures:
    """One image.

    Attributes:
        image_id: Its name.
        split: Its split.
        height: px.
        width: px.
        bits: Of a pixel as stored.
        pixel_um: Side of a pixel; NaN where unknown.
        channels: Figures by channel.
        fingerprint: For duplicates.
        cells: Cells or tissue units of its label map, None where there is none.
        mask_share: Share of the image that they cover.
        tissue_rgb: Mean colour of tissue, 0 to 255, of colour pictures of tissue.
    """

    image_id: str
    split: Split
    height: int
    width: int
    bits: int
    pixel_um: float
    channels: dict[str, ChannelFigures]
    fingerprint: Fingerprint
    cells: int | None = None
    mask_share: float | None = None
    tissue_rgb: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class _Worker:
    """Measures images by name."""

    reader: Reader
    is_tissue: bool

    def __call__(self, image: tuple[str, Split]) -> ImageFigures | Problem:
        try:
            return self._measured(*image)
        except InputError as error:
            return Problem(image[0], str(error))

    def _measured(self, image_id: str, split: Split) -> ImageFigures:
        field = self.reader.read(image_id, split)
        label_map = self.reader.label_map(image_id, split)
        return ImageFigures(
            image_id=image_id,
            split=split,
            height=field.pixels.shape[1],
            width=field.pixels.shape[2],
            bits=8 * field.pixels.itemsize,
            pixel_um=field.pixel_um,
            channels={name: channel_figures(plane) for name, plane in zip(field.channels, field.pixels, strict=True)},
            fingerprint=coarse_fingerprint_of(field),
            cells=None if label_map is None else len(labels_of(label_map)),
            mask_share=None if label_map is None else float(np.count_nonzero(label_map)) / label_map.size,
            tissue_rgb=_tissue_rgb(field) if self.is_tissue else None,
        )


def measure_images(
    reader: Reader, images: Sequence[tuple[str, Split]], is_tissue: bool, on_progress: Callable[[], object]
) -> Iterator[ImageFigures | Problem]:
    """Yield the figures of images in their order; a problem of one that cannot be read.

    Args:
        reader: Reads them.
        images: Name and split of each.
        is_tissue: Whether they are colour pictures of tissue.
        on_progress: Is called after each image.
    """
    worker = _Worker(reader, is_tissue)
    processes = os.cpu_count() or 1
    started = time.monotonic()
    remaining = deque(images)
    # the images come first: processes take as long to import as hundreds of small images to measure
    while remaining and (processes == 1 or time.monotonic() - started < _ALONE_S):
        yield worker(remaining.popleft())
        on_progress()
    if not remaining:
        return
    # spawn, not fork: a forked child would inherit the locks of running threads
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin, (worker,)) as pool:
        try:
            for figures in pool.map(_measure, remaining, chunksize=_CHUNK):
                yield figures
                on_progress()
        finally:
            pool.shutdown(cancel_futures=True)


_own_worker: list[_Worker] = []
"""The worker of this process: sent once, not with every image."""


def _begin(worker: _Worker) -> None:
    cv2.setNumThreads(1)
    _own_worker[:] = [worker]


def _measure(image: tuple[str, Split]) -> ImageFigures | Problem:
    return _own_worker[0](image)


def channel_figures(plane: Plane) -> ChannelFigures:
    """Return the figures of a plane; mean and histogram of large ones are those of every second or further pixel."""
    largest = np.iinfo(plane.dtype).max
    step = max(1, int(np.ceil((plane.size / _MAX_HISTOGRAM_PX) ** 0.5)))
    sample = np.ascontiguousarray(plane[::step, ::step])
    counts = cv2.calcHist([sample], [0], None, [largest + 1], [0, largest + 1]).ravel().astype(np.float64)
    share = counts / sample.size
    edges = np.ceil((np.arange(BINS) / BINS) ** 2 * (largest + 1)).astype(np.int64)
    top = int(plane.max())
    bright = int(np.searchsorted(np.cumsum(share), _BRIGHT_SHARE))
    return ChannelFigures(
        histogram=_binned(share, edges),
        mean=float(share @ np.arange(largest + 1)) / largest,
        bright=min(bright, top) / largest,
        top=top / largest,
        saturated=float(np.count_nonzero(plane == top)) / plane.size,
    )


def _binned(share: Float64[np.ndarray, " level"], edges: Int64[np.ndarray, " bin"]) -> Float64[np.ndarray, " bin"]:
    """Return the sum of the levels of each bin; bins narrower than a level stay empty."""
    bounds = np.append(edges, len(share))
    cumulative = np.concatenate([[0.0], np.cumsum(share)])
    return cumulative[bounds[1:]] - cumulative[bounds[:-1]]


def _tissue_rgb(field: Field) -> tuple[float, float, float] | None:
    """Return the mean colour of what absorbs light, None of an empty slide or a picture that is not of colours."""
    if field.pixels.shape[0] != 3:
        return None
    sample = field.pixels[:, ::_TISSUE_SAMPLE_PX, ::_TISSUE_SAMPLE_PX] / np.float32(np.iinfo(field.pixels.dtype).max)
    inside = -np.log10(np.maximum(sample, 1 / 255)).mean(axis=0) > _MIN_TISSUE_DENSITY
    if not inside.any():
        return None
    red, green, blue = (255 * sample[:, inside].mean(axis=1)).tolist()
    return red, green, blue
