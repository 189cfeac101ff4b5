"""Windows of a TIFF page: only the tiles or strips that they touch are read and decoded."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Shaped

from hpa.core.windows import Window

_KEPT_BYTES = 256 << 20
"""Decoded tiles and strips that are kept: windows overlap, and a strip is as wide as the image."""

Samples = Shaped[np.ndarray, "height width sample"]


class DecodedSegments:
    """The last tiles and strips that were decoded, up to a number of bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Samples | None] = OrderedDict()
        self._bytes = 0

    def segment(self, page: Any, index: int) -> Samples | None:
        """Return a tile or strip of a page (`TiffPage` or `TiffFrame`), None where the file has no data of it."""
        key = (page.dataoffsets[index], page.databytecounts[index])
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = _decoded(page, index)
        self._kept[key] = found
        self._bytes += 0 if found is None else found.nbytes
        while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
            dropped = self._kept.popitem(last=False)[1]
            self._bytes -= 0 if dropped is None else dropped.nbytes
        return found


def window_of_page(page: Any, window: Window, kept: DecodedSegments) -> Shaped[np.ndarray, "*axes"]:
    """Return a window of a page, with the axes that the page has as a whole."""
    key = page.keyframe
    if key.is_memmappable:
        offset = page.dataoffsets[0]
        mapped = page.parent.filehandle.memmap_array(page.parent.byteorder + key._dtype.char, key.shape, offset)
        return np.array(mapped[_index_of(key, window)]).astype(key.dtype, copy=False)
    if key.shaped[1] > 1:  # a volume in one page
        return np.asarray(page.asarray(maxworkers=1)[_index_of(key, window)])
    key.init_decode()
    separate = key.shaped[0]
    samples = key.shaped[4]
    found = np.full((separate, window.height, window.width, samples), key.nodata, key.dtype)
    for index in _touched(key, window):
        segment = kept.segment(page, index)
        if segment is None:
            continue
        sample, place = _place_of(key, index)
        inside = Window(place[0], place[1], place[0] + segment.shape[0], place[1] + segment.shape[1])
        common = window.common(inside)
        found[(sample, *common.relative_to(window).slices)] = segment[common.relative_to(inside).slices]
    shape = tuple({"Y": window.height, "X": window.width}.get(axis, length) for axis, length in _axes_of(key))
    return found.reshape(shape)


def has_data(page: Any, window: Window) -> bool:
    """Return whether the file holds data of any tile or strip that a window touches."""
    return any(page.databytecounts[index] for index in _touched(page.keyframe, window))


def layout_of(page: Any) -> str:
    """Return in words how the pixels of a page are stored."""
    key = page.keyframe
    if key.is_memmappable:
        return "uncompressed"
    return (
        f"tiles of {key.tilewidth}×{key.tilelength} px"
        if key.is_tiled
        else f"strips of {min(key.rowsperstrip, key.imagelength)} rows"
    )


def segment_values(page: Any) -> int:
    """Return how many values are decoded at once: those of a tile or strip."""
    key = page.keyframe
    if key.is_memmappable:
        return 0
    area = key.tilelength * key.tilewidth if key.is_tiled else min(key.rowsperstrip, key.imagelength) * key.imagewidth
    return int(area * key.shaped[4])


def _decoded(page: Any, index: int) -> Samples | None:
    key, count = page.keyframe, page.databytecounts[index]
    if count == 0:
        return None
    handle = page.parent.filehandle
    handle.seek(page.dataoffsets[index])
    data = handle.read(count)
    if len(data) < count:
        raise ValueError(f"tile {index} is cut short: {len(data)} of {count} bytes")
    try:
        segment, _, shape = key.decode(data, index, jpegtables=page.jpegtables, jpegheader=key.jpegheader)
    except RuntimeError:
        if key.compression != tifffile.COMPRESSION.ZSTD:
            raise
        # some programs count the padding byte of a strip in, which the decoder takes for a broken second frame
        segment, _, shape = key.decode(data[:-1], index)
    return np.asarray(segment).reshape(shape)[0]


def _grid_of(key: Any) -> tuple[int, int, int, int]:
    """Return height and width of a tile or strip, and how many lie below and beside each other."""
    height, width = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
    height = min(height, key.imagelength) if not key.is_tiled else height
    return height, width, -(-key.imagelength // height), -(-key.imagewidth // width)


def _touched(key: Any, window: Window) -> list[int]:
    height, width, down, across = _grid_of(key)
    rows = range(window.top // height, (window.bottom - 1) // height + 1)
    columns = range(window.left // width, (window.right - 1) // width + 1)
    planes = range(key.shaped[0])
    return [(plane * down + row) * across + column for plane in planes for row in rows for column in columns]


def _place_of(key: Any, index: int) -> tuple[int, tuple[int, int]]:
    """Return the separate sample that a tile or strip is of, and its first row and column."""
    height, width, down, across = _grid_of(key)
    plane, place = divmod(index, down * across)
    return plane, (place // across * height, place % across * width)


def _axes_of(key: Any) -> list[tuple[str, int]]:
    return list(zip(key.axes, key.shape, strict=True))


def _index_of(key: Any, window: Window) -> tuple[slice, ...]:
    rows, columns = window.slices
    return tuple({"Y": rows, "X": columns}.get(axis, slice(None)) for axis, _ in _axes_of(key))
