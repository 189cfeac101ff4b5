"""Label maps that look like a field of cells: ragged, touching outlines, any size."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32
from scipy import ndimage
from scipy.spatial import cKDTree

WOBBLE_PX = 2.0
WOBBLE_SCALE_PX = 6.0
"""Outlines leave the straight line by so much (standard deviation), over such a distance."""


def field_of_cells(side_px: int, cells: int, seed: int) -> Int32[np.ndarray, "side side"]:
    """Return a label map of about so many cells: nearest of random centres, outlines wobbling by a few px."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, side_px, (cells, 2))
    rows_and_columns = np.indices((side_px, side_px), dtype=np.float32)
    for axis in rows_and_columns:
        noise = ndimage.gaussian_filter(rng.standard_normal(axis.shape).astype(np.float32), WOBBLE_SCALE_PX)
        axis += noise * (WOBBLE_PX / noise.std())
    grid = rows_and_columns.transpose(1, 2, 0)  # (side, side, [row, column])
    distance, nearest = cKDTree(centres).query(grid)
    reach = 0.75 * side_px / np.sqrt(cells)
    return np.where(distance < reach, nearest + 1, 0).astype(np.int32)
