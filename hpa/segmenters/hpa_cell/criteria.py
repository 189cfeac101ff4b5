"""The thresholds and sizes of the published segmenter, in levels of 8-bit probability planes and in µm.

They are those of HPA-Cell-Segmentation, which made the ground truth of the competition (Le et al., "Analysis of the
Human Protein Atlas Weakly Supervised Single-Cell Classification competition", Nature Methods 19:1221, 2022). There,
sizes are pixels of 0.08 µm; here they are physical, so that fields of other magnifications are treated alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from skimage.filters import threshold_otsu

SEED_BODY_LEVEL = 39
"""A nucleus may begin where its body plane reaches this: more than 0.15 of 255."""
NUCLEUS_BODY_LEVEL = 103
"""A nucleus extends to where its body plane reaches this: more than 0.4 of 255."""
WALL_LEVEL = 243
"""Two nuclei are apart where the border planes of nuclei and cells together reach this: at least 0.95 of 255."""
CELL_BORDER_LEVEL = 13
"""Cells grow into the border zone up to this level of the border plane: more than 0.05 of 255."""
MIN_CELL_SHARE = 0.22
OTSU_SHARE = 0.5
"""A cell is where its body plane exceeds the larger of these: a fixed share of 255, half of Otsu's threshold."""

SEED_UM2 = 3.2
NUCLEUS_UM2 = 16.0
CELL_UM2 = 35.2
HOLE_UM2 = 6.4
SPECK_UM2 = 0.0512
"""Smaller ones are dropped, or filled: 500, 2500, 5500, 1000 and 8 px in the original."""
CLOSING_UM = 0.48
"""Radius of the disc that closes cells: 6 px in the original."""


def pixels_of(area_um2: float, pixel_um: float) -> int:
    """Return an area in pixels.

    >>> pixels_of(NUCLEUS_UM2, 0.08), pixels_of(NUCLEUS_UM2, 0.32)
    (2500, 156)
    """
    return round(area_um2 / pixel_um**2)


def cell_region(body: UInt8[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return where cells are, touching ones not yet split."""
    counts = cv2.calcHist([body], [0], None, [256], [0, 256]).ravel()
    levels = np.flatnonzero(counts)
    shares = levels / 255
    otsu = shares[0]
    if len(levels) > 1:
        heights, edges = np.histogram(shares, bins=256, weights=counts[levels])
        otsu = threshold_otsu(hist=(heights, (edges[:-1] + edges[1:]) / 2))  # type: ignore[no-untyped-call]  # has no types
    threshold = max(MIN_CELL_SHARE, OTSU_SHARE * float(otsu))
    return body >= np.count_nonzero(np.arange(256) / 255 <= threshold)
