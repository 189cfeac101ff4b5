"""Dirt among cells: fibres, clumps, remains, far brighter than cells and not built as they are.

Brightness alone decides little, for cells that divide or die are bright too. What decides is how stains overlap
and how large things are: dirt glows in every channel at once, or in one where the others show nothing; it is long and
thin; or it is as large as a nucleus at twice its brightness, which would be more DNA than a nucleus before division
holds (chromosomes of a dividing cell are as bright, but fill a third to half of a nucleus's area). This last rule is
for the stain of the smallest foreground: a cell that rounds up to divide is as bright in its cytoplasm, and as large as
a nucleus there; nor is the bright rim of a cell in such a stain a thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32

_OPENING = np.ones((3, 3), np.uint8)
_MIN_OVERLAP_SHARE = 0.15
"""A cell's nucleus is a fifth of it or more."""
_NESTED_SHARE = 0.85
"""From this share of its foreground on a stain is taken to lie within another: nuclei in cells."""
_NEXT_TO_TOP = 0.93
_CONDENSED_SHARE = 0.7
"""Chromosomes of a dividing cell fill less of the area of a median nucleus than this."""
_SPECK_PX = 30
_THIN = 30.0
"""Area over squared half width from which a region is a thread: of a straight one, 7.5 times as long as wide."""
_THREAD_FACTORS = (1.0, 1.25, 1.5)
"""A thread that lies against bright cells stands alone at a higher brightness only."""
_AS_SMALL = 1.5
"""Stains up to so many times the smallest foreground are taken for nuclei, or for parts of them."""
_RIM_FACTORS = _THREAD_FACTORS[1:]
"""In a stain of whole cells: their rims reach the lowest brightness."""
Box = tuple[int, int, int, int]
"""Left, top, width and height, px."""

Grey = Float32[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]


def debris_of(levels: Sequence[Grey], foregrounds: Sequence[Mask], factor: float) -> tuple[float, Box | None]:
    """Return the share of the image in its largest region of debris, and where it lies; None where there is none.

    Args:
        levels: One plane a channel.
        foregrounds: Where each shows cells.
        factor: How many times brighter than the median pixel of cells debris is.
    """
    bright = [_bright(level, mask, factor) for level, mask in zip(levels, foregrounds, strict=True)]
    dirt: Mask = np.logical_and.reduce(bright)
    smallest: int = min(cv2.countNonZero(mask.view(np.uint8)) for mask in foregrounds)
    for place, (mask, foreground) in enumerate(zip(bright, foregrounds, strict=True)):
        others = [other for index, other in enumerate(foregrounds) if index != place]
        is_innermost = cv2.countNonZero(foreground.view(np.uint8)) <= _AS_SMALL * smallest
        for times in _THREAD_FACTORS if is_innermost else _RIM_FACTORS:
            dirt |= _threads(mask if times == 1 else _bright(levels[place], foreground, times * factor))
        if others:
            dirt |= _misplaced(mask, foreground, np.logical_or.reduce(others), is_innermost)
    opened = cv2.morphologyEx(dirt.view(np.uint8), cv2.MORPH_OPEN, _OPENING)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(opened)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return 0.0, None
    left, top, width, height, area = statistics[1 + int(areas.argmax())].tolist()
    return area / dirt.size, (left, top, width, height)


def _nests(inner: Mask, outer: Mask) -> bool:
    """Return whether a stain lies within another one."""
    count, inside = int(np.count_nonzero(inner)), int(np.count_nonzero(inner & outer))
    return inside >= _NESTED_SHARE * max(1, count)


def _misplaced(mask: Mask, foreground: Mask, others: Mask, is_innermost: bool) -> Mask:
    """Return the parts of a mask that do not lie to the other channels as a cell's stain does."""
    if not _nests(foreground, others) or not is_innermost:
        return _without_overlap(mask, others)
    # what should lie within another stain (nuclei in cells) is dirt wherever it does not
    return (mask & ~others) | _as_large_as_nuclei(mask, foreground)


def _bright(level: Grey, foreground: Mask, factor: float) -> Mask:
    """Return where a plane is far brighter than its cells, or next to the brightest there is: dirt may be cut off."""
    median = float(np.median(level[foreground])) if foreground.any() else np.inf
    mask = level > min(factor * median, _NEXT_TO_TOP * float(level.max()))
    return cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, _OPENING).astype(bool)


def _without_overlap(mask: Mask, others: Mask) -> Mask:
    """Return the parts of a mask, holes filled, of which little lies on the foreground of other channels."""
    parts, areas = _filled_parts(mask)
    overlap = np.bincount(parts[others], minlength=len(areas)) / np.maximum(1, areas)
    alone = overlap < _MIN_OVERLAP_SHARE
    alone[0] = False
    return alone[parts]


def _as_large_as_nuclei(mask: Mask, nuclei: Mask) -> Mask:
    """Return the parts of a mask that are no smaller than most of a median nucleus."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(nuclei.view(np.uint8))
    whole = statistics[1:, cv2.CC_STAT_AREA]
    whole = whole[whole >= _SPECK_PX]
    parts, areas = _filled_parts(mask)
    large = areas >= _CONDENSED_SHARE * (float(np.median(whole)) if len(whole) else np.inf)
    large[0] = False
    return large[parts]


def _threads(mask: Mask) -> Mask:
    """Return the parts of a mask, holes filled, that are long and thin."""
    parts, areas = _filled_parts(mask)
    # beyond the edge the image goes on: a thread cut by it is no thinner there
    framed = cv2.copyMakeBorder((parts > 0).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    inside = parts > 0
    half_widths = np.zeros(len(areas))  # of a part without an edge the depth is the largest float, and is squared below
    np.maximum.at(half_widths, parts[inside], depth[inside])
    thin = areas > _THIN * half_widths**2
    thin[0] = False
    return thin[parts]


def _filled_parts(mask: Mask) -> tuple[Int32[np.ndarray, "height width"], Int32[np.ndarray, " part"]]:
    """Return the parts of a mask with their holes filled, and their areas in px, part 0 the rest."""
    outer, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), outer, -1, 1, cv2.FILLED)
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(filled, connectivity=8)
    return parts, statistics[:, cv2.CC_STAT_AREA]
