"""The panel of images looked at while a network of pixels learns: truth green, prediction red, both yellow."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Int32, UInt8

from hpa.reports.pictures import outline

SIDE_PX = 384
GAP_PX = 6
COLUMNS = 3
PAPER = 24
TRUTH, PREDICTION = "#2ee66b", "#ff4d4d"


def outlined_pair(
    picture: UInt8[np.ndarray, "height width 3"],
    truth: Int32[np.ndarray, "height width"],
    prediction: Int32[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width 3"]:
    """Return a picture with both outlines: green what was missed, red what was invented, yellow where they agree."""
    black = np.zeros_like(picture)
    lines = np.maximum(outline(black, truth, TRUTH), outline(black, prediction, PREDICTION))
    strength = lines.max(axis=2, keepdims=True).astype(np.float32) / 255
    return np.clip(picture * (1 - strength) + lines, 0, 255).astype(np.uint8)


def grid_of(pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]]) -> UInt8[np.ndarray, "grid_height grid_width 3"]:
    """Return pictures of any size in a grid of squares, each fitted into its own."""
    rows = -(-len(pictures) // COLUMNS)
    step = SIDE_PX + GAP_PX
    grid = np.full((rows * step + GAP_PX, min(COLUMNS, len(pictures)) * step + GAP_PX, 3), PAPER, np.uint8)
    for index, picture in enumerate(pictures):
        factor = SIDE_PX / max(picture.shape[:2])
        height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
        fitted = cv2.resize(picture, (width, height), interpolation=method)
        top, left = (GAP_PX + step * place for place in divmod(index, COLUMNS))
        grid[top : top + height, left : left + width] = fitted
    return grid
