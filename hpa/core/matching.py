"""How well one label map agrees with another: IoU of pairs of cells, optimal assignment, and the scores made of it.

Counts at a threshold follow StarDist (Schmidt et al., MICCAI 2018): each predicted cell is assigned to at most one true
cell so that as many pairs as possible reach the threshold; TP / (TP + FP + FN) is the "average precision" of Cellpose
(Stringer et al., Nature Methods 18:100, 2021); panoptic quality is by Kirillov et al., CVPR 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Integer
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from hpa.core.errors import InputError
from hpa.core.label_map import labels_of, relabel


@dataclass(frozen=True)
class MatchCounts:
    """True positives, false positives and false negatives at one IoU threshold; counts of images can be added.

    Scores are nan where there is neither a predicted nor a true cell, and 0 where only one of the two kinds exists.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    matched_iou: float
    """Sum of the IoU of the true positives."""

    def __add__(self, other: MatchCounts) -> MatchCounts:
        """Pool two images."""
        return MatchCounts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.matched_iou + other.matched_iou,
        )

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN)."""
        return self._share(self.true_positives, self.false_positives + self.false_negatives)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return self._share(self.true_positives, self.false_positives)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return self._share(self.true_positives, self.false_negatives)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return self._share(self.true_positives, (self.false_positives + self.false_negatives) / 2)

    @property
    def panoptic_quality(self) -> float:
        """Sum of matched IoU / (TP + FP / 2 + FN / 2)."""
        return self.f1 * self.matched_iou / self.true_positives if self.true_positives else self.f1

    def _share(self, found: int, lost: int | float) -> float:
        if self.true_positives + self.false_positives + self.false_negatives == 0:
            return math.nan
        return found / (found + lost) if found else 0.0


def overlaps_of(
    predicted_map: Integer[np.ndarray, "height width"], true_map: Integer[np.ndarray, "true_height true_width"]
) -> csr_array:
    """Return the IoU of the pairs of cells that share a pixel, each axis in ascending order of the cells' numbers.

    Images of 65,000 cells have as many pairs that overlap, but four billion that do not.

    Returns:
        Predicted cells by true cells, float64; numbers that no pixel has are skipped.

    Raises:
        InputError: If the maps differ in size, or a number is negative.
    """
    if predicted_map.shape != true_map.shape:
        raise InputError(
            f"label maps of one image have one size; predicted {predicted_map.shape}, true {true_map.shape} (height, "
            "width). Resize the prediction to the size of the truth with nearest neighbours."
        )
    predicted, true = relabel(predicted_map).ravel(), relabel(true_map).ravel()
    areas, true_areas = np.bincount(predicted, minlength=1), np.bincount(true, minlength=1)
    pairs, shared = np.unique(predicted.astype(np.int64) * len(true_areas) + true, return_counts=True)
    rows, columns = np.divmod(pairs, len(true_areas))
    iou = shared / (areas[rows] + true_areas[columns] - shared)
    inside = (rows > 0) & (columns > 0)
    shape = (len(areas) - 1, len(true_areas) - 1)
    return csr_array((iou[inside], (rows[inside] - 1, columns[inside] - 1)), shape=shape)


def iou_matrix(
    predicted_map: Integer[np.ndarray, "height width"], true_map: Integer[np.ndarray, "true_height true_width"]
) -> Float64[np.ndarray, "predicted true"]:
    """Return the IoU of all pairs of cells, as `overlaps_of` with the zeros: for few cells.

    Raises:
        InputError: If the maps differ in size, or a number is negative.
    """
    return overlaps_of(predicted_map, true_map).toarray()


def assign(
    iou: Float64[np.ndarray, "predicted true"] | csr_array, threshold: float
) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
    """Return the pairs (predicted, true) of the assignment with most pairs at or above the threshold.

    Among assignments with equally many pairs, the one with the largest sum of IoU; pairs below are left out. Cells that
    no pair at the threshold connects are assigned apart from each other: at 0.5, three belong together at most.

    Args:
        iou: Of all pairs, or of those that overlap.
        threshold: Above 0.
    """
    pairs = coo_array(iou)
    reaches = pairs.data >= threshold
    predicted, true, values = pairs.coords[0][reaches], pairs.coords[1][reaches], pairs.data[reaches]
    alone = (np.bincount(predicted, minlength=1)[predicted] == 1) & (np.bincount(true, minlength=1)[true] == 1)
    kept = [(predicted[alone], true[alone])]
    shared = coo_array((values[~alone], (predicted[~alone], true[~alone])), shape=pairs.shape)
    kept += [_assigned(shared, of_group) for of_group in _groups(shared)]
    rows, columns = (np.concatenate(parts).astype(np.int64) for parts in zip(*kept, strict=True))
    order = np.argsort(rows)
    return rows[order], columns[order]


def _groups(pairs: coo_array) -> list[Int64[np.ndarray, " pair"]]:
    """Return the places of the pairs that cells in common connect, group by group."""
    if not pairs.nnz:
        return []
    rows, columns = pairs.coords
    count = sum(pairs.shape)
    links = coo_array((np.ones(len(rows), np.int8), (rows, columns + pairs.shape[0])), shape=(count, count))
    group = connected_components(links, directed=False)[1][rows]
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _assigned(
    pairs: coo_array, places: Int64[np.ndarray, " place"]
) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
    """Return the best assignment of one group of pairs, all of which reach the threshold."""
    predicted, rows = np.unique(pairs.coords[0][places].astype(np.int64), return_inverse=True)
    true, columns = np.unique(pairs.coords[1][places].astype(np.int64), return_inverse=True)
    gain = np.zeros((len(predicted), len(true)))
    # a pair outweighs any sum of IoU, so that the number of pairs comes first
    gain[rows, columns] = 1 + pairs.data[places] / (2 * min(gain.shape))
    chosen, partner = linear_sum_assignment(gain, maximize=True)
    kept = gain[chosen, partner] > 0
    return predicted[chosen[kept]], true[partner[kept]]


def count_matches(iou: Float64[np.ndarray, "predicted true"] | csr_array, threshold: float) -> MatchCounts:
    """Return the counts at one threshold (inclusive), of the IoU of all pairs, or of those that overlap."""
    predicted, true = assign(iou, threshold)
    found = len(predicted)
    return MatchCounts(found, iou.shape[0] - found, iou.shape[1] - found, float(iou[predicted, true].sum()))


def match_cells(
    predicted_map: Integer[np.ndarray, "height width"],
    true_map: Integer[np.ndarray, "true_height true_width"],
    threshold: float,
) -> Int64[np.ndarray, " predicted"]:
    """Return for each predicted cell, ascending, the number of its true cell, or 0 where none reaches the threshold.

    Raises:
        InputError: If the maps differ in size, or a number is negative.
    """
    iou = overlaps_of(predicted_map, true_map)
    predicted, true = assign(iou, threshold)
    partner = np.zeros(iou.shape[0], np.int64)
    partner[predicted] = labels_of(true_map)[true]
    return partner
