"""Outlines of masks along the borders of pixels, and masks from outlines: one undoes the other exactly.

Coordinates are `(x, y)` with the upper left corner of the first pixel at (0, 0), as in QuPath and GeoJSON, so that a
polygon has the area of its pixels. A part of a mask is one outer ring and its holes, each closed; no ring crosses
itself (OGC Simple Features, 06-103r4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from skimage.draw import polygon2mask

from hpa.core.errors import InputError

Ring = Float64[np.ndarray, "_ 2"]
"""Vertices (x, y) in px, the last one equal to the first."""
Corner = tuple[int, int]
_MIN_VERTICES = 4
_OVERHANG_PX = 2.0
"""How far a vertex may lie outside the image: hands stray over its edge."""


def outlines_of(mask: Bool[np.ndarray, "height width"], left: int = 0, top: int = 0) -> list[list[Ring]]:
    """Return the parts of a mask, each an outer ring and then its holes.

    Args:
        mask: Whose parts are those connected by edges of pixels.
        left: Is added to every x.
        top: Is added to every y.

    >>> [[ring.astype(int).tolist() for ring in part] for part in outlines_of(np.ones((1, 2), bool))]
    [[[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]]
    """
    count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    found = []
    for number in range(1, count):
        rings = [ring + np.array([left, top]) for ring in _rings(parts == number)]
        found.append(sorted(rings, key=_signed_area, reverse=True))  # holes run the other way round
    return found


def fill_outlines(parts: Sequence[Sequence[Ring]], height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Return the mask of all pixels whose centre lies in a part and in none of its holes.

    Raises:
        InputError: If a ring has fewer than three corners, a coordinate is no finite number, or a vertex lies outside.
    """
    mask = np.zeros((height, width), bool)
    for rings in parts:
        for ring in rings:
            _check(ring, height, width)
        x0, y0 = np.floor(rings[0].min(axis=0)).clip(0).astype(int)
        x1, y1 = np.ceil(rings[0].max(axis=0)).clip(0, (width, height)).astype(int)
        filled = np.zeros((max(0, y1 - y0), max(0, x1 - x0)), bool)
        for ring in rings:
            # centres of pixels are whole numbers there
            corners = ring[:, ::-1] - (y0 + 0.5, x0 + 0.5)
            filled ^= polygon2mask(filled.shape, corners)  # type: ignore[no-untyped-call]
        mask[y0:y1, x0:x1] |= filled
    return mask


def _check(ring: Ring, height: int, width: int) -> None:
    if len(ring) < _MIN_VERTICES:
        raise InputError(f"a ring of {len(ring)} points, at least 4 are needed, the last one equal to the first.")
    if not np.isfinite(ring).all():
        raise InputError("a coordinate is NaN or infinite; px are expected.")
    if (ring < -_OVERHANG_PX).any() or (ring > (width + _OVERHANG_PX, height + _OVERHANG_PX)).any():
        raise InputError(
            f"a vertex lies off the image of {width}×{height} px; check that the file belongs to this image and is in "
            "px of its full size."
        )


def _rings(mask: Bool[np.ndarray, "height width"]) -> Iterator[Ring]:
    """Yield the closed borders of one part, with it on the right hand side as seen on a screen."""
    padded = np.pad(mask, 1).astype(np.int8)
    across, down = defaultdict[Corner, list[Corner]](list), defaultdict[Corner, list[Corner]](list)
    for start, end in _runs(np.diff(padded, axis=0)[:, 1:-1], is_vertical=False):
        across[start].append(end)
    for start, end in _runs(np.diff(padded, axis=1)[1:-1].T, is_vertical=True):
        down[start].append(end)
    while across:
        first = next(iter(across))
        ring = [first]
        while len(ring) == 1 or ring[-1] != first:
            corner = _taken(across, ring)
            ring.append(corner)
            ring.append(_taken(down, ring))
        yield np.array(ring, np.float64)


def _taken(edges: defaultdict[Corner, list[Corner]], ring: list[Corner]) -> Corner:
    """Take the edge that goes on from a ring: where two pixels touch at a corner, the one that turns left to both."""
    start = ring[-1]
    ends = edges[start]
    if len(ends) > 1 and len(ring) > 1:
        way_x, way_y = start[0] - ring[-2][0], start[1] - ring[-2][1]
        ends.sort(key=lambda end: way_x * (end[1] - start[1]) - way_y * (end[0] - start[0]), reverse=True)
    end = ends.pop()
    if not ends:
        del edges[start]
    return end


def _runs(steps: np.ndarray, is_vertical: bool) -> Iterator[tuple[Corner, Corner]]:
    """Yield the straight edges of a border, directed; `steps` is 1 where the part begins below (right), -1 after it."""
    for place, row in enumerate(steps):
        changes = np.flatnonzero(np.diff(row, prepend=0, append=0))
        for begin, end in zip(changes[:-1].tolist(), changes[1:].tolist(), strict=True):
            step = row[begin]
            if step == 0:
                continue
            if is_vertical:
                yield ((place, end), (place, begin)) if step > 0 else ((place, begin), (place, end))
            else:
                yield ((begin, place), (end, place)) if step > 0 else ((end, place), (begin, place))


def _signed_area(ring: Ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)
