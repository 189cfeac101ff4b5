"""Outlines drawn by hand, as masks: polygons of `(x, y)` vertices in px, filled edge included.

The pixel rule is that of OpenCV's `fillPoly`, one polygon after the other: a vertex (x, y) is the centre of the pixel
in column x and row y, pixels that the outline touches are inside, and polygons that overlap are united (holes are not
cut out). It was chosen by measurement: the masks of the competition "Hacking the Human Body" (Jain et al., Nature
Communications 14:4656, 2023) were painted by it (`hpa.sources.hubmap.annotations`), Pillow and scikit-image differ from
them along the outlines.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float64

from hpa.core.errors import InputError

Polygon = Float64[np.ndarray, "_ 2"]
"""Vertices (x, y), px; each polygon has as many as it needs."""

_OVERHANG_SHARE = 0.01
"""How far a vertex may lie outside, in shares of the longer side: those of real sets stray by 0.4 % at most, drawn a
little over the edge; what lies farther out belongs to another image or scale."""
_CONVENTION_PX = 1.0
"""Programs that count from the edges of pixels, not from their centres, write the far border as width and height."""
_MIN_VERTICES = 3
_MAX_OUTLINE_PX = 4_000_000
"""pycocotools takes 40 bytes per px of an outline, and crashes where it does not get them."""


def overhang_px(polygons: Sequence[Polygon], height: int, width: int) -> float:
    """Return how far the outermost vertex lies outside the image, 0 where none does."""
    last = np.array([width - 1, height - 1], np.float64)  # x, y
    vertices = np.concatenate([np.empty((0, 2)), *polygons])
    return float(np.maximum(-vertices, vertices - last).max(initial=0.0))


def check_polygons(polygons: Sequence[Polygon], height: int, width: int) -> None:
    """Do nothing where the polygons can be filled.

    Raises:
        InputError: If a side is 0, a polygon has fewer than three vertices, a coordinate is no finite number, or a
            vertex lies farther outside the image than a hand strays, or an outline is longer than the image has pixels
            (to draw it would take time and memory without bound).
    """
    if height < 1 or width < 1:
        raise InputError(f"an image has at least one pixel, got height {height} and width {width}.")
    for number, polygon in enumerate(polygons, start=1):
        if len(polygon) < _MIN_VERTICES:
            raise InputError(f"polygon {number} has {len(polygon)} vertices, at least 3 are needed; take it out.")
        if not np.isfinite(polygon).all():
            raise InputError(f"polygon {number} holds a coordinate that is NaN or infinite; write px, e.g. [12, 340].")
        overhang = overhang_px([polygon], height, width)
        if overhang > max(_CONVENTION_PX, _OVERHANG_SHARE * max(height, width)):
            raise InputError(
                f"polygon {number} goes {overhang:.0f} px off the canvas of {width}×{height} px; coordinates are "
                "[x, y] in px of this image: check that it belongs to it and was not drawn at another scale."
            )
        outline_px = float(np.abs(np.diff(polygon, axis=0, append=polygon[:1])).max(axis=1).sum())
        if outline_px > min(height * width + 4 * (height + width), _MAX_OUTLINE_PX):
            raise InputError(
                f"polygon {number} has an outline of {outline_px:.0f} px, longer than the {height * width} px of the "
                f"canvas or than {_MAX_OUTLINE_PX:,} px: it crosses itself again and again; draw it anew."
            )


def fill_polygons(polygons: Sequence[Polygon], height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Return the mask of all pixels inside or on a polygon; what overhangs the image is cut off.

    >>> fill_polygons([np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])], 3, 4).astype(int)
    array([[1, 1, 1, 0],
           [1, 1, 1, 0],
           [0, 0, 0, 0]])

    Raises:
        InputError: As `check_polygons`.
    """
    check_polygons(polygons, height, width)
    canvas = np.zeros((height, width), np.uint8)
    for polygon in polygons:  # all at once, fillPoly would cut out what they share
        cv2.fillPoly(canvas, [np.rint(polygon).astype(np.int32)], 1)
    return canvas.astype(bool)
