"""Where flows end: every pixel follows them to its sink, and pixels of one sink are one cell.

Cellpose takes 200 steps of a pixel (Euler). Here steps are doubled: the position of a pixel after 2 k steps is that of
the pixel it reaches after k steps (pointer jumping: Wyllie, PhD thesis, Cornell 1979). Twelve rounds cover a path of
2048 px, so that cells of any size come together, and cost less than ten of Cellpose's steps. Sinks are, as there, peaks
of the number of pixels that end in a place, and what lies close to them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Complex64, Float32, Int32, Int64
from scipy import ndimage

_FIRST_STEP_PX = 0.5
"""Longer steps dance around the sink, shorter ones lose their direction when places are rounded."""
_SMOOTHING_PX = 3
"""Flows are averaged over a square of this side: at the border of two cells single pixels point the wrong way."""
_ROUNDS = 12
_SETTLING_ROUNDS = 4
"""Rounds with whole pixels at the end, in which those near a sink fall into it."""
_PEAK_REACH_PX = 3
"""An end belongs to the fullest one in a window that reaches so far from it; a peak is its own."""
Mask = Bool[np.ndarray, "height width"]
Pixels = Int64[np.ndarray, " pixel"]


def cells_of(flows: Float32[np.ndarray, "2 height width"], inside: Mask) -> Int32[np.ndarray, "height width"]:
    """Return the label map of pixels that end in the same sink; its numbers have gaps.

    Args:
        flows: (y, x), at most about 1 px long, 0 outside.
        inside: Pixels that belong to any cell.
    """
    cells = np.zeros(inside.shape, np.int32)
    pixels = np.flatnonzero(inside)
    if len(pixels):
        ends = _ends_of(flows, inside, pixels)
        cells.reshape(-1)[pixels] = _sinks_of(ends, inside.shape)
    return cells


def _ends_of(flows: Float32[np.ndarray, "2 height width"], inside: Mask, pixels: Pixels) -> Pixels:
    """Return for each pixel (of the raveled image) the pixel in which its way ends."""
    height, width = inside.shape
    rows, columns = np.divmod(pixels, width)
    origin = (columns + 1j * rows).astype(np.complex64)  # x + i y: one look-up fetches both
    smooth_y, smooth_x = (ndimage.uniform_filter(plane, _SMOOTHING_PX, mode="constant") for plane in flows)
    way = np.zeros(inside.size, np.complex64)
    way[pixels] = np.float32(_FIRST_STEP_PX) * (smooth_x + 1j * smooth_y).reshape(-1)[pixels]
    for _ in range(_ROUNDS):
        done = way[pixels]
        way[pixels] = done + way[_nearest_pixel(origin + done, height, width)]
    reached = _nearest_pixel(origin + way[pixels], height, width)
    end = np.arange(inside.size)
    end[pixels] = np.where(inside.reshape(-1)[reached], reached, pixels)
    for _ in range(_SETTLING_ROUNDS):
        end[pixels] = end[end[pixels]]
    return end[pixels]


def _nearest_pixel(places: Complex64[np.ndarray, " pixel"], height: int, width: int) -> Pixels:
    """Return the pixel (of the raveled image) nearest to each place x + i y."""
    row, column = np.rint(places.imag), np.rint(places.real)
    np.clip(row, 0, height - 1, out=row)
    np.clip(column, 0, width - 1, out=column)
    # by 32 bits, to which processors convert many at once
    pixel = row.astype(np.int32).astype(np.int64)
    pixel *= width
    pixel += column.astype(np.int32)
    return pixel


def _sinks_of(ends: Pixels, shape: tuple[int, int]) -> Int32[np.ndarray, " pixel"]:
    """Return for each way's end the number of its sink, from 1 with gaps; fuller sinks have higher numbers.

    Args:
        ends: Pixels of the raveled image, repeated.
        shape: Height and width of the image.
    """
    pitch = shape[1] + 2 * _PEAK_REACH_PX  # a frame, so that windows never leave the image
    places, place_of_end, counts = np.unique(ends, return_inverse=True, return_counts=True)
    rows, columns = np.divmod(places, shape[1])
    framed = (rows + _PEAK_REACH_PX) * pitch + columns + _PEAK_REACH_PX
    rank = np.empty(len(places), np.int32)
    rank[np.argsort(counts, kind="stable")] = np.arange(1, len(places) + 1)  # fuller is higher, and no two are equal
    rank_at = np.zeros((shape[0] + 2 * _PEAK_REACH_PX) * pitch, np.int32)
    rank_at[framed] = rank
    highest = rank_at[framed[:, None] + _window(_PEAK_REACH_PX, pitch)].max(axis=1)
    uphill = np.argsort(rank)[highest - 1]  # the place of that rank
    while (uphill[uphill] != uphill).any():
        uphill = uphill[uphill]
    return rank[uphill][place_of_end]


def _window(reach: int, pitch: int) -> Int64[np.ndarray, " offset"]:
    """Return the offsets of a square window in a raveled image."""
    along = np.arange(-reach, reach + 1)
    return (along[:, None] * pitch + along).reshape(-1)
