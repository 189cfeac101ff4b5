"""What two segmentations of an image have in common: cells matched, split and merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from hpa.core.matching import assign, overlaps_of

MATCH_IOU = 0.5
"""A pair of cells at or above it is the same cell, as in the scores of segmentations."""


@dataclass(frozen=True)
class Agreement:
    """Counts of cells of a first and a second segmentation.

    Attributes:
        first: Cells of the first.
        second: Cells of the second.
        matched: Pairs of the best one-to-one assignment at an IoU of `MATCH_IOU`.
        split: Cells of the first in which two or more of the second lie, each by more than half of its area.
        merged: Cells of the second in which two or more of the first lie so.
    """

    first: int
    second: int
    matched: int
    split: int
    merged: int

    def __str__(self) -> str:
        """Return the counts in words.

        >>> str(Agreement(5, 4, 2, 0, 1))
        '4 cells for 5: 2 matched, 0 split, 1 merged'
        """
        return f"{self.second} cells for {self.first}: {self.matched} matched, {self.split} split, {self.merged} merged"


def agreement(first: Integer[np.ndarray, "height width"], second: Integer[np.ndarray, "_height _width"]) -> Agreement:
    """Return what two label maps of an image have in common.

    Raises:
        InputError: If they differ in size.

    >>> agreement(np.array([[1, 1, 2, 2]]), np.array([[7, 7, 7, 7]]))
    Agreement(first=2, second=1, matched=1, split=0, merged=1)
    """
    iou = overlaps_of(first, second)
    return Agreement(
        first=iou.shape[0],
        second=iou.shape[1],
        matched=len(assign(iou, MATCH_IOU)[0]),
        split=_holders(second, first),
        merged=_holders(first, second),
    )


def _holders(parts: Integer[np.ndarray, "height width"], wholes: Integer[np.ndarray, "height width"]) -> int:
    """Count the wholes in which two or more parts lie, each by more than half of its area."""
    numbers, areas = np.unique(parts[parts > 0], return_counts=True)
    both = (parts > 0) & (wholes > 0)
    pairs, shared = np.unique(np.stack([parts[both], wholes[both]]), axis=1, return_counts=True)
    mostly = 2 * shared > areas[np.searchsorted(numbers, pairs[0])]
    return int((np.unique(pairs[1][mostly], return_counts=True)[1] > 1).sum())
