"""Regions that were read from a network's planes, with what the network thinks of each."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int32

from hpa.core.label_map import relabel
from hpa.interfaces import Instances


def scored_instances(
    regions: Int32[np.ndarray, "height width"], inside: Float32[np.ndarray, "height width"], min_area_px: int
) -> Instances:
    """Return the regions as instances of class 0, their mean probability as score.

    Args:
        regions: 0 background, else the number of a region; gaps are closed.
        inside: Probability that a pixel belongs to any instance.
        min_area_px: Smaller regions are dropped.
    """
    areas = np.bincount(regions.ravel(), minlength=1)
    label_map = relabel(np.where(areas[regions] >= min_area_px, regions, 0))
    totals = np.bincount(label_map.ravel(), weights=inside.ravel(), minlength=1)[1:]
    areas = np.bincount(label_map.ravel(), minlength=1)[1:]
    return Instances(label_map, np.zeros(len(areas), np.int64), (totals / areas).astype(np.float32))
