"""Regions grown from seeds inside a mask (seeded watershed: Meyer and Beucher, 1990), flooded only where seeds compete.

Most pieces of a mask hold one seed and are taken whole; the flood, which costs a hundred times as much a pixel, is left
for the others.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32
from skimage.segmentation import watershed


def flooded(
    seeds: Int32[np.ndarray, "height width"],
    relief: Float32[np.ndarray, "height width"],
    mask: Bool[np.ndarray, "height width"],
) -> Int32[np.ndarray, "height width"]:
    """Return the mask with each pixel given to a seed, low pixels of the relief first.

    Args:
        seeds: 0, or the number of a seed, inside the mask; a seed may be in several pieces.
        relief: Seeds meet on its ridges.
        mask: Its 4-connected pieces without any seed become background.
    """
    _, found = cv2.connectedComponents(mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    pieces = found.astype(np.int32, copy=False)  # it is so already; OpenCV's types do not tell
    owned = seeds > 0
    lowest = np.full(int(pieces.max(initial=0)) + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros_like(lowest)
    np.minimum.at(lowest, pieces[owned], seeds[owned])
    np.maximum.at(highest, pieces[owned], seeds[owned])
    contested = lowest < highest
    regions = np.where(contested, 0, highest)[pieces]
    if contested.any():
        where = contested[pieces]
        # only the rim of a seed meets others; its interior, most of a mask, need not pass through the flood
        rim = cv2.dilate((~owned).view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
        flood = watershed(relief, seeds * where * rim, mask=where & rim)  # type: ignore[no-untyped-call]  # no types
        regions += np.where(rim, flood, seeds * where).astype(np.int32)
    return regions
