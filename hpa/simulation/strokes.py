"""Curves and dots: what filaments, threads and vesicles are drawn with. Points are (x, y) in pixels."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32

_SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates


def wander(
    rng: np.random.Generator,
    starts: Float[np.ndarray, "curve 2"],
    headings: Float[np.ndarray, " curve"],
    steps: int,
    step_px: float,
    bend: float,
) -> Float[np.ndarray, "curve step 2"]:
    """Return curves that leave `starts` at `headings` (radians) and bend by about `bend` radians a step."""
    bends = rng.normal(0, bend, (len(starts), steps))
    # the second cumulative sum makes curvature, not heading, the random walk: curves instead of zigzag
    bends = 0.6 * bends + 0.4 * np.cumsum(bends, axis=1) / np.sqrt(np.arange(1, steps + 1))
    angles = headings[:, None] + np.cumsum(bends, axis=1)
    moves = step_px * np.stack([np.cos(angles), np.sin(angles)], axis=2)
    return starts[:, None, :] + np.concatenate([np.zeros((len(starts), 1, 2)), np.cumsum(moves, axis=1)], axis=1)


def draw_curves(
    height: int, width: int, curves: Float[np.ndarray, "curve step 2"], thickness_px: float, layers: int
) -> Float32[np.ndarray, "height width"]:
    """Return the summed brightness of curves.

    Curves of one layer do not add where they cross, layers do: many layers show density, few show single strands.
    """
    canvas = np.zeros((height, width), np.float32)
    if len(curves) == 0:
        return canvas
    points = np.round(curves * (1 << _SHIFT)).astype(np.int32)
    thickness = max(1, round(thickness_px))
    for layer in range(layers):
        sheet = np.zeros((height, width), np.uint8)
        cv2.polylines(sheet, list(points[layer::layers]), False, 255, thickness, cv2.LINE_AA, _SHIFT)
        canvas += sheet
    return canvas / 255


def draw_dots(
    height: int,
    width: int,
    centres: Float[np.ndarray, "dot 2"],
    radii_px: Float[np.ndarray, " dot"],
    brightness: Float[np.ndarray, " dot"],
) -> Float32[np.ndarray, "height width"]:
    """Return round dots of the given brightness (0 to 1), later ones over earlier ones."""
    sheet = np.zeros((height, width), np.uint8)
    scale = 1 << _SHIFT
    for (x, y), radius, grey in zip(centres, np.maximum(radii_px, 0.6), brightness, strict=True):
        centre = (round(float(x) * scale), round(float(y) * scale))
        cv2.circle(sheet, centre, round(float(radius) * scale), float(255 * grey), cv2.FILLED, cv2.LINE_AA, _SHIFT)
    return sheet.astype(np.float32) / 255
