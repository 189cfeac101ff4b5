"""A section with two masks drawn on it as lines: truth green, prediction red, yellow where they run together.

Lines follow holes too, for units of lung and gland have many, and lie on a dark rim: no single colour is seen on brown,
violet and white alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import ImageColor

from hpa.reports.instance_panel import PREDICTION, TRUTH

SIDE_PX = 480
BOTH = "#ffe14d"
_RIM_STRENGTH = 0.6
_LINE_PX = 2
_SAME_PX = 2
"""Lines of a picture of `SIDE_PX` so near to each other are one."""

Mask = Bool[np.ndarray, "height width"]


def outlined_masks(
    picture: UInt8[np.ndarray, "height width 3"], truth: Mask, prediction: Mask
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """Return the picture with the lines of both masks, its longer side `SIDE_PX`."""
    factor = SIDE_PX / max(picture.shape[:2])
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    drawn = cv2.resize(picture, (width, height), interpolation=method)
    true, said = (_line(_fitted(mask, height, width)) for mask in (truth, prediction))
    together = (true & _wider(said, _SAME_PX)) | (said & _wider(true, _SAME_PX))
    rim = _wider(true | said, 1)
    drawn[rim] = (drawn[rim] * (1 - _RIM_STRENGTH)).astype(np.uint8)
    for line, colour in ((true, TRUTH), (said, PREDICTION), (together, BOTH)):
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
