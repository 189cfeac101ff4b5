"""Mean average precision of cell masks with confidences, and the errors that cost points.

The rules are those of the OpenImages segmentation challenge (Benenson et al., CVPR 2019) as the Human Protein Atlas
competition used them (Le et al., Nature Methods 19:1221, 2022). Classes never interact. Detections are matched in the
order of descending confidence. The candidate of a detection is the true cell of its class with the highest IoU; it is a
true positive if that IoU reaches the threshold and the cell is not matched yet. There is no second candidate, unlike in
COCO's evaluator. Precision is made monotone, and the area under the curve is summed at every step of recall.

Tie rule: equal confidences are ordered by image id, then by mask string, so that the score does not depend on the order
of rows or words.

Types of error are weighed as in TIDE (Bolya et al., ECCV 2020): the gain of the mean if one type
of error were gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Int64

from hpa.metrics.detection_evidence import NUMBER_OF_CLASSES, ImageEvidence


class Outcome(IntEnum):
    """How a detection counts."""

    TRUE_POSITIVE = 0
    """The most confident detection of its true cell."""
    DUPLICATE = 1
    """False positive: a more confident detection is the true positive of the same true cell."""
    WRONG_CLASS = 2
    """False positive: its mask matches a true cell that does not show this class."""
    UNMATCHED = 3
    """False positive: its mask matches no true cell."""


@dataclass(frozen=True)
class ClassScore:
    """Score and counts of one class.

    Attributes:
        ap: Average precision; nan without ground truth, 0 with ground truth and no detection.
        bound: The best average precision that the predicted masks allow, whatever their confidences; nan without ground
            truth.
        true_cells: True cells of the class.
        detections: Number of detections by outcome.
        missed_by_segmentation: False negatives that no predicted mask reaches at the IoU threshold.
        class_not_predicted: False negatives with such a mask, which was not predicted to show this class.
    """

    ap: float
    bound: float
    true_cells: int
    detections: dict[Outcome, int]
    missed_by_segmentation: int
    class_not_predicted: int


@dataclass(frozen=True)
class DetectionScore:
    """The score of a data set.

    Attributes:
        classes: One score per class, in the order of `hpa.core.classes`.
        mean: Mean AP over the classes with ground truth (mAP); nan if there is none.
        bound: Mean of the bounds: mAP if every predicted mask carried just the right classes.
        gain_without: Gain of the mean if all detections of one outcome were left out.
    """

    classes: tuple[ClassScore, ...]
    mean: float
    bound: float
    gain_without: dict[Outcome, float]


@dataclass(frozen=True)
class PooledDetections:
    """All images: true entries, and detections sorted by class, then confidence (descending), then the tie rule.

    Attributes:
        true_classes: Class of each true entry.
        true_images: Its image, by place among the sorted ids.
        reachable: Whether some predicted mask matches the entry.
        has_candidate: Whether a detection of its class matches the entry.
        classes: Class of each detection.
        images: Its image.
        outcomes: Its `Outcome`.
    """

    true_classes: Int64[np.ndarray, " true"]
    true_images: Int64[np.ndarray, " true"]
    reachable: Bool[np.ndarray, " true"]
    has_candidate: Bool[np.ndarray, " true"]
    classes: Int64[np.ndarray, " detection"]
    images: Int64[np.ndarray, " detection"]
    outcomes: Int64[np.ndarray, " detection"]


def score_evidence(images: Sequence[ImageEvidence]) -> DetectionScore:
    """Return the score of a set of images, each at most once, in any order."""
    pool = pool_images(images)
    true_cells = np.bincount(pool.true_classes, minlength=NUMBER_OF_CLASSES)
    bounds = _ratio(np.bincount(pool.true_classes[pool.reachable], minlength=NUMBER_OF_CLASSES), true_cells)
    all_detections = np.ones(len(pool.classes), bool)
    precisions = _average_precisions(pool, all_detections, true_cells)
    mean = nan_mean(precisions)
    gains: dict[Outcome, float] = {
        outcome: nan_mean(_average_precisions(pool, pool.outcomes != outcome, true_cells)) - mean
        for outcome in Outcome
        if outcome is not Outcome.TRUE_POSITIVE
    }
    classes = tuple(
        _class_score(pool, number, precisions[number], bounds[number]) for number in range(NUMBER_OF_CLASSES)
    )
    return DetectionScore(classes, mean, nan_mean(bounds), gains)


def average_precision(hits: Bool[np.ndarray, " detection"], true_cells: int) -> float:
    """Return the area under the monotone precision curve, all points; nan without a true cell.

    Args:
        hits: Whether each detection is a true positive, most confident first.
        true_cells: Number of true cells, found or not.

    >>> average_precision(np.array([True, False, True, False]), 2)
    0.8333333333333333
    """
    if true_cells == 0:
        return np.nan
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    return float(monotone[hits].sum() / true_cells)


def pool_images(images: Sequence[ImageEvidence]) -> PooledDetections:
    """Return the true entries and sorted detections of a set of images, each at most once, in any order."""
    images = sorted(images, key=lambda image: image.image_id)
    sizes = [len(image.classes) for image in images]
    true_sizes = [len(image.true_classes) for image in images]
    first_entry = np.repeat(np.cumsum([0, *true_sizes])[:-1], sizes)
    candidate = _concatenate([image.candidate for image in images], np.int64)
    candidate = np.where(candidate >= 0, candidate + first_entry, -1)
    classes = _concatenate([image.classes for image in images], np.int64)
    confidences = _concatenate([image.confidences for image in images], np.float64)
    mask_rank = _concatenate([image.mask_rank for image in images], np.int64)
    matches_any = _concatenate([image.matches_any for image in images], np.bool_)
    image_of_detection = np.repeat(np.arange(len(images)), sizes)
    order = np.lexsort((mask_rank, image_of_detection, -confidences, classes))
    true_classes = _concatenate([image.true_classes for image in images], np.int64)
    has_candidate = np.zeros(len(true_classes), bool)
    has_candidate[candidate[candidate >= 0]] = True
    return PooledDetections(
        true_classes=true_classes,
        true_images=np.repeat(np.arange(len(images)), true_sizes),
        reachable=_concatenate([image.reachable for image in images], np.bool_),
        has_candidate=has_candidate,
        classes=classes[order],
        images=image_of_detection[order],
        outcomes=_outcomes(candidate[order], matches_any[order]),
    )


def _outcomes(
    candidate: Int64[np.ndarray, " detection"], matches_any: Bool[np.ndarray, " detection"]
) -> Int64[np.ndarray, " detection"]:
    """Return the outcome of each detection, most confident first.

    Of the detections that share a candidate, the first is the true positive.
    """
    outcomes = np.where(matches_any, np.int64(Outcome.WRONG_CLASS), np.int64(Outcome.UNMATCHED))
    matched = np.flatnonzero(candidate >= 0)
    outcomes[matched] = Outcome.DUPLICATE
    _, first = np.unique(candidate[matched], return_index=True)
    outcomes[matched[first]] = Outcome.TRUE_POSITIVE
    return outcomes


def _average_precisions(
    pool: PooledDetections, kept: Bool[np.ndarray, " detection"], true_cells: Int64[np.ndarray, " class"]
) -> list[float]:
    hits = pool.outcomes[kept] == Outcome.TRUE_POSITIVE
    edges = np.searchsorted(pool.classes[kept], np.arange(NUMBER_OF_CLASSES + 1))
    return [
        average_precision(hits[edges[number] : edges[number + 1]], int(true_cells[number]))
        for number in range(NUMBER_OF_CLASSES)
    ]


def _class_score(pool: PooledDetections, number: int, ap: float, bound: float) -> ClassScore:
    is_true = pool.true_classes == number
    outcomes = np.bincount(pool.outcomes[pool.classes == number], minlength=len(Outcome)).tolist()
    return ClassScore(
        ap=ap,
        bound=bound,
        true_cells=int(is_true.sum()),
        detections={outcome: outcomes[outcome] for outcome in Outcome},
        missed_by_segmentation=int((is_true & ~pool.reachable).sum()),
        class_not_predicted=int((is_true & pool.reachable & ~pool.has_candidate).sum()),
    )


def _ratio(part: Int64[np.ndarray, " class"], total: Int64[np.ndarray, " class"]) -> list[float]:
    return [float(some / count) if count else np.nan for some, count in zip(part, total, strict=True)]


def nan_mean(values: Sequence[float]) -> float:
    """Return the mean of the values that are not nan; nan if there is none."""
    numbers = [value for value in values if not np.isnan(value)]
    return float(np.mean(numbers)) if numbers else np.nan


def _concatenate(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([*parts, np.empty(0, dtype)])
