"""Outlines of ground truth and prediction on a picture: truth blue and solid, prediction golden and dashed.

Blue and gold differ for every kind of colour vision, red and green do not. Outlines of tissue follow holes too, which
units of lung and gland have, and lie on a dark rim: no single colour is seen on brown, violet and white alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Int32, UInt8
from PIL import ImageColor

from hpa.reports.class_styles import PLAIN, PREDICTION, TRUTH
from hpa.reports.pictures import outline

SIDE_PX = 384
GAP_PX = 6
COLUMNS = 3
BACKGROUND = 24


def instances_overlay(
    picture: UInt8[np.ndarray, "height width 3"],
    truth: Int32[np.ndarray, "height width"],
    prediction: Int32[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width 3"]:
    """Return a picture with both outlines; where they agree, the dashes alternate with the line below them."""
    return outline(outline(picture, truth, TRUTH), prediction, PREDICTION, casing=False)


def grid_of_images(pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]]) -> UInt8[np.ndarray, "grid_height grid_width 3"]:
    """Return pictures of any size in a grid of squares, each scaled to its own."""
    rows = -(-len(pictures) // COLUMNS)
    step = SIDE_PX + GAP_PX
    grid = np.full((rows * step + GAP_PX, min(COLUMNS, len(pictures)) * step + GAP_PX, 3), BACKGROUND, np.uint8)
    for index, picture in enumerate(pictures):
        factor = SIDE_PX / max(picture.shape[:2])
        height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
        fitted = cv2.resize(picture, (width, height), interpolation=method)
        top, left = (GAP_PX + step * place for place in divmod(index, COLUMNS))
        grid[top : top + height, left : left + width] = fitted
    return grid


MASK_SIDE_PX = 480
BOTH = PLAIN.colour
_RIM_STRENGTH = 0.6
_LINE_PX = 2
_TOLERANCE_PX = 2
"""Lines of a picture of `MASK_SIDE_PX` within this distance agree."""

Mask = Bool[np.ndarray, "height width"]


def masks_overlay(
    picture: UInt8[np.ndarray, "height width 3"], truth: Mask, prediction: Mask
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """Return the picture with the lines of both masks, its longer side `MASK_SIDE_PX`.

    Blue where only the truth has a line, golden where only the prediction has one, white where they agree.
    """
    factor = MASK_SIDE_PX / max(picture.shape[:2])
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    drawn = cv2.resize(picture, (width, height), interpolation=method)
    true, predicted = (_line(_fitted(mask, height, width)) for mask in (truth, prediction))
    both = (true & _wider(predicted, _TOLERANCE_PX)) | (predicted & _wider(true, _TOLERANCE_PX))
    rim = _wider(true | predicted, 1)
    drawn[rim] = (drawn[rim] * (1 - _RIM_STRENGTH)).astype(np.uint8)
    for line, colour in ((true, TRUTH.colour), (predicted, PREDICTION.colour), (both, BOTH)):
        drawn[line] = ImageColor.getrgb(colour)
    return drawn


def _fitted(mask: Mask, height: int, width: int) -> Bool[np.ndarray, "new_height new_width"]:
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return share > 0.5


def _line(mask: Mask) -> Mask:
    """Return the outermost pixels of a mask, also around its holes; the edge of the picture is none."""
    side = 2 * _LINE_PX + 1
    inner = cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8))
    return mask & (inner == 0)


def _wider(line: Mask, by_px: int) -> Mask:
    side = 2 * by_px + 1
    return cv2.dilate(line.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
