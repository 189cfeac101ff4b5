"""Planes of a series of TIFF pages, whose axes are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Shaped

from hpa.formats.image_header import check_size
from hpa.formats.tiff_colour import PageColour, PagePart, planes_of_page

Planes = Shaped[np.ndarray, "slice channel height width"]


def read_series(
    path: Path,
    series: tifffile.TiffPageSeries,
    colour: PageColour,
    bits: int,
    time: int,
    slices: range,
    part: PagePart,
) -> Planes:
    """Return the planes of a series at one time and some slices, whole or a window of them.

    Raises:
        InputError: If they exceed the limit.
    """
    page, axes, shape = series.keyframe, series.axes, series.shape
    lead = len(axes) - len(page.axes)
    is_paged = axes[lead:] == page.axes and len(series.pages) == int(np.prod(shape[:lead]))
    if not is_paged:  # one block of data for many planes: ImageJ beyond 4 GB, volumes of one page
        if part is None or series.dataoffset is None:
            check_size(path, int(np.prod(shape)))
        whole = _planes_by_axes(_picked(_values_of(series, part), axes, time, slices), axes)
        return whole if part is None else np.ascontiguousarray(whole[..., *part[0].slices])
    numbers = _picked(np.arange(len(series.pages)).reshape(shape[:lead]), axes[:lead], time, slices)
    check_size(path, numbers.size * colour.samples * (part[0].area if part else page.imagelength * page.imagewidth))
    planes = [planes_of_page(series.pages[number], colour, bits, part) for number in numbers.ravel().tolist()]
    stacked = np.stack(planes).reshape(*numbers.shape, *planes[0].shape)  # (leading axes, sample, height, width)
    return _planes_by_axes(stacked, axes[:lead] + "SYX")


def _values_of(series: tifffile.TiffPageSeries, part: PagePart) -> Shaped[np.ndarray, "*axes"]:
    """Return all values of a series: mapped where only a window of them is wanted and they are one block."""
    if part is None or series.dataoffset is None:
        return series.asarray(maxworkers=1)
    tiff = series.keyframe.parent
    return np.asarray(tiff.filehandle.memmap_array(tiff.byteorder + series.dtype.char, series.shape, series.dataoffset))


def _picked(values: Shaped[np.ndarray, ...], axes: str, time: int, slices: range) -> Shaped[np.ndarray, ...]:
    """Return the values at one time and some slices, with the axes kept."""
    chosen = {"T": slice(time, time + 1), "Z": slice(slices.start, slices.stop)}
    return np.asarray(values[tuple(chosen.get(axis, slice(None)) for axis in axes)])  # without axes it is a number


def _planes_by_axes(values: Shaped[np.ndarray, "*axes"], axes: str) -> Planes:
    """Return planes of values whose axes are named; all but Z, Y and X are channels, of one time."""
    front = [place for place, axis in enumerate(axes) if axis not in "ZYX"]
    depth = [axes.index("Z")] if "Z" in axes else []
    moved = values.transpose(*depth, *front, axes.index("Y"), axes.index("X"))
    slices = values.shape[depth[0]] if depth else 1
    return np.ascontiguousarray(moved.reshape(slices, -1, *moved.shape[-2:]))
