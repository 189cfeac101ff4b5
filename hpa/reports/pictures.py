"""Pictures of images and cells: channels merged in the colours of the Atlas, and outlines.

The colours follow the Human Protein Atlas (Thul et al., Science 356:eaal3321, 2017): microtubules red, the protein
green, the nucleus blue, the endoplasmic reticulum yellow. Contrast is for display only: no number is computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int32, UInt8
from PIL import ImageColor
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.reports.class_styles import PATTERNS, ClassStyle

TINT_OF_CHANNEL: dict[str, tuple[float, float, float]] = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    # Pure blue is nearly black to the eye (7 % of the luminance of white), and nuclei must be seen.
    "blue": (0.16, 0.28, 1.0),
    # The reticulum fills the cell; at full strength it would drown the microtubules and the protein.
    "yellow": (0.45, 0.45, 0.0),
}
OTHER_TINT = (0.7, 0.7, 0.7)
BLACK_PERCENTILE = 0.5
WHITE_PERCENTILE = 99.8
MIN_SPAN = 0.01
"""A plane whose brightest pixels reach less than this above its background is empty: it is shown dark, not as noise."""
CASING = (0, 0, 0)
"""Colour of the wider line under each outline."""
MIN_SHARE_OF_MEDIAN = 0.3
"""A cell is brightened to at most 1 / this of a median cell of the same picture."""


def composite(
    pixels: Float[np.ndarray, "channel height width"], channels: Sequence[str]
) -> UInt8[np.ndarray, "height width 3"]:
    """Return the RGB picture of stained planes in [0, 1], each stretched between its own percentiles.

    Raises:
        InputError: If there is not one name for each plane.
    """
    _require_names(pixels.shape[0], channels)
    black, white = _range_of(pixels)
    return _mix(pixels, channels, black, white)


def composite_cells(
    crops: Float[np.ndarray, "cell channel side side"], channels: Sequence[str]
) -> UInt8[np.ndarray, "cell side side 3"]:
    """Return the RGB pictures of cells in [0, 1], on comparable scales.

    Each cell is stretched by itself, yet never so far that one without the protein looks as bright as one with it.

    Raises:
        InputError: If there is not one name for each plane.
    """
    _require_names(crops.shape[1], channels)
    if len(crops) == 0:
        return np.zeros((0, *crops.shape[2:], 3), np.uint8)
    ranges = [_range_of(crop) for crop in crops]
    min_white = MIN_SHARE_OF_MEDIAN * np.median([white for _, white in ranges], axis=0)
    pictures = [
        _mix(crop, channels, black, np.maximum(white, min_white))
        for crop, (black, white) in zip(crops, ranges, strict=True)
    ]
    return np.stack(pictures)


def outline(
    picture: UInt8[np.ndarray, "height width 3"],
    label_map: Int32[np.ndarray, "height width"],
    styles: ClassStyle | Sequence[ClassStyle],
    thickness_px: int = 1,
    casing: bool = True,
) -> UInt8[np.ndarray, "height width 3"]:
    """Return a copy of the picture with the contour of every cell, anti-aliased, drawn inside the cell.

    Each line lies on a wider dark one, so that it is visible on bright and on dark ground.

    Args:
        picture: RGB.
        label_map: 0 background, cells 1..n.
        styles: One look for all, or one a cell (cell 1 first).
        thickness_px: Width of the line.
        casing: Whether lines lie on dark ones; False to draw on the lines of another label map.

    Raises:
        InputError: If a cell has no look.
    """
    count = int(label_map.max(initial=0))
    looks = [styles] * count if isinstance(styles, ClassStyle) else list(styles)
    if len(looks) < count:
        raise InputError(f"outline: {count} cells, {len(looks)} styles; give one style, or one for every cell.")
    contours_of = {
        cell: _contours(label_map[window] == cell, (window[1].start, window[0].start))
        for cell, window in enumerate(ndimage.find_objects(label_map), start=1)
        if window is not None
    }
    drawn = picture.copy()
    for contours in contours_of.values() if casing else ():
        cv2.drawContours(drawn, contours, -1, CASING, thickness_px + 2, cv2.LINE_AA)
    drawn = np.where((label_map > 0)[..., None], drawn, picture)  # the wider line stays inside its cell too
    for cell, contours in contours_of.items():
        look = looks[cell - 1]
        colour = ImageColor.getrgb(look.colour)
        if look.pattern == "solid":
            cv2.drawContours(drawn, contours, -1, colour, thickness_px, cv2.LINE_AA)
        else:
            cv2.polylines(
                drawn, _dashes(contours, look.pattern, thickness_px), False, colour, thickness_px, cv2.LINE_AA
            )
    return drawn


def _require_names(planes: int, channels: Sequence[str]) -> None:
    if planes != len(channels):
        raise InputError(f"{planes} planes came with {len(channels)} channel names; name every plane once.")


def _range_of(
    pixels: Float[np.ndarray, "channel height width"],
) -> tuple[Float[np.ndarray, " channel"], Float[np.ndarray, " channel"]]:
    """Return the black and the white level of each plane."""
    if pixels.size == 0:
        return np.zeros(len(pixels)), np.ones(len(pixels))
    black, white = np.percentile(pixels, (BLACK_PERCENTILE, WHITE_PERCENTILE), axis=(1, 2))
    return black, np.maximum(white, black + MIN_SPAN)


def _mix(
    pixels: Float[np.ndarray, "channel height width"],
    channels: Sequence[str],
    black: Float[np.ndarray, " channel"],
    white: Float[np.ndarray, " channel"],
) -> UInt8[np.ndarray, "height width 3"]:
    """Return the sum of the tinted planes, cut off at full brightness."""
    tints = np.array([TINT_OF_CHANNEL.get(channel, OTHER_TINT) for channel in channels], np.float32).reshape(-1, 3)
    scale = (1 / (white - black)).astype(np.float32)[:, None, None]
    stretched = np.clip((pixels.astype(np.float32) - black.astype(np.float32)[:, None, None]) * scale, 0, 1)
    mixed = np.tensordot(stretched, tints, axes=(0, 0))
    return np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8)


def _contours(mask: Bool[np.ndarray, "height width"], corner: tuple[int, int]) -> Sequence[Int32[np.ndarray, "n 1 2"]]:
    """Return the outer contours, a pixel inside the cell so that the line's soft rim does not cover its neighbours.

    Args:
        mask: The cell in its box.
        corner: (x, y) of the box in the picture.
    """
    # Padded, for erosion takes what lies beyond the box for cell.
    whole = np.pad(mask.astype(np.uint8), 1)
    inner = cv2.erode(whole, np.ones((3, 3), np.uint8))
    shown = inner if inner.any() else whole
    offset = (corner[0] - 1, corner[1] - 1)
    contours, _ = cv2.findContours(shown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=offset)
    return contours


def _dashes(
    contours: Sequence[Int32[np.ndarray, "_points 1 2"]], pattern: str, thickness_px: int
) -> list[Int32[np.ndarray, "_dash 1 2"]]:
    """Return the dashes of a pattern along closed contours."""
    lengths = thickness_px * np.array(PATTERNS[pattern])
    dashes = []
    for contour in contours:
        closed = np.concatenate([contour, contour[:1]])
        steps = np.linalg.norm(np.diff(closed[:, 0].astype(float), axis=0), axis=1)
        place = np.concatenate([[0.0], steps.cumsum()]) % lengths.sum()
        part = np.searchsorted(lengths.cumsum(), place, side="right")  # even parts are dashes, odd ones gaps
        starts = np.flatnonzero(np.diff(part, prepend=-1))
        dashes += [
            points for start, points in zip(starts, np.split(closed, starts[1:]), strict=True) if part[start] % 2 == 0
        ]
    return dashes
