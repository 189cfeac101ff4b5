"""How well one label map agrees with another: IoU of all pairs, optimal assignment, and the scores made of it.

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


def iou_matrix(
    predicted_map: Integer[np.ndarray, "height width"], true_map: Integer[np.ndarray, "true_height true_width"]
) -> Float64[np.ndarray, "predicted true"]:
    """Return the IoU of all pairs of cells, each axis in ascending order of the cells' numbers (gaps are skipped).

    Raises:
        InputError: If the maps differ in size, or a number is negative.
    """
    if predicted_map.shape != true_map.shape:
        raise InputError(
            f"label maps of one image have one size; predicted {predicted_map.shape}, true {true_map.shape} (height, "
            "width). Resize the prediction to the size of the truth with nearest neighbours."
        )
    predicted, true = relabel(predicted_map), relabel(true_map)
    rows, columns = int(predicted.max(initial=0)) + 1, int(true.max(initial=0)) + 1
    pairs = predicted.astype(np.int64) * columns + true
    shared = np.bincount(pairs.ravel(), minlength=rows * columns).reshape(rows, columns)  # (predicted, true) with 0
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
    return shared[1:, 1:] / union[1:, 1:]


def assign(
    iou: Float64[np.ndarray, "predicted true"], threshold: float
) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
    """Return the pairs (predicted, true) of the assignment with most pairs at or above the threshold.

    Among assignments with equally many pairs, the one with the largest sum of IoU; pairs below are left out.
    """
    reaches = iou >= threshold
    # a pair that reaches outweighs any sum of IoU, so that the number of pairs comes first
    gain = np.where(reaches, 1 + iou / (2 * max(1, min(iou.shape))), 0)
    predicted, true = linear_sum_assignment(gain, maximize=True)
    kept = reaches[predicted, true]
    return predicted[kept], true[kept]


def count_matches(iou: Float64[np.ndarray, "predicted true"], threshold: float) -> MatchCounts:
    """Return the counts at one threshold (inclusive)."""
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
    iou = iou_matrix(predicted_map, true_map)
    predicted, true = assign(iou, threshold)
    partner = np.zeros(iou.shape[0], np.int64)
    partner[predicted] = labels_of(true_map)[true]
    return partner
