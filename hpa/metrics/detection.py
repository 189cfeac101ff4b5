"""Mean average precision of cell masks with confidences, and why points were lost.

The rules are those of the OpenImages segmentation challenge (Benenson et al., CVPR 2019) as the Human Protein Atlas
competition used them (Le et al., Nature Methods 19:1221, 2022). Classes never interact. Detections are taken by
confidence, descending; each looks only at the true cell of its class with the largest IoU and is a true positive if
that IoU reaches the threshold and the cell is still free. There is no second choice: COCO's evaluator falls back, this
one does not. Precision is made monotone, and the area under the curve is summed at every step of recall.

Tie rule: equal confidences are ordered by image id, then by mask string, so that the score does not depend on the order
of rows or words.

Reasons for lost points are weighed as in TIDE (Bolya et al., ECCV 2020): what the mean would gain if one kind of
mistake were gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Int64

from hpa.metrics.detection_evidence import NUMBER_OF_CLASSES, ImageEvidence


class Outcome(IntEnum):
    """What became of a detection."""

    FOUND = 0
    """True positive."""
    DUPLICATE = 1
    """Its true cell was taken by a surer detection."""
    WRONG_CLASS = 2
    """Its mask is a true cell, which does not show this class."""
    LONE = 3
    """Its mask is no true cell."""


@dataclass(frozen=True)
class ClassScore:
    """Score and counts of one class.

    Attributes:
        ap: Average precision; nan without truth, 0 with truth and no detection.
        bound: The best average precision that the predicted masks allow, whatever their confidences; nan without truth.
        true_cells: True cells of the class.
        detections: Detections by what became of them.
        missed_by_segmentation: True cells that no predicted mask would be credited for.
        not_named: True cells with such a mask, which was not listed under this class.
    """

    ap: float
    bound: float
    true_cells: int
    detections: dict[Outcome, int]
    missed_by_segmentation: int
    not_named: int


@dataclass(frozen=True)
class DetectionScore:
    """The score of a data set.

    Attributes:
        classes: One score a class, in the order of `hpa.core.classes`.
        mean: Mean AP over the classes with truth (mAP); nan if there is none.
        bound: Mean of the bounds: mAP if every predicted mask carried just the right classes.
        gain_without: What the mean would gain if all detections of one outcome were left out.
    """

    classes: tuple[ClassScore, ...]
    mean: float
    bound: float
    gain_without: dict[Outcome, float]


@dataclass(frozen=True)
class Pool:
    """All images: true entries, and detections sorted by class, then confidence (descending), then the tie rule.

    Attributes:
        true_classes: Class of each true entry.
        true_images: Its image, by place among the sorted ids.
        reachable: Whether some predicted mask would be credited to the entry.
        claimed_by_any: Whether a detection looks at the entry.
        classes: Class of each detection.
        images: Its image.
        outcomes: What became of it.
    """

    true_classes: Int64[np.ndarray, " true"]
    true_images: Int64[np.ndarray, " true"]
    reachable: Bool[np.ndarray, " true"]
    claimed_by_any: Bool[np.ndarray, " true"]
    classes: Int64[np.ndarray, " detection"]
    images: Int64[np.ndarray, " detection"]
    outcomes: Int64[np.ndarray, " detection"]


def score_evidence(images: Sequence[ImageEvidence]) -> DetectionScore:
    """Return the score of a set of images, each at most once, in any order."""
    pool = pooled(images)
    true_cells = np.bincount(pool.true_classes, minlength=NUMBER_OF_CLASSES)
    bounds = _share(np.bincount(pool.true_classes[pool.reachable], minlength=NUMBER_OF_CLASSES), true_cells)
    every = np.ones(len(pool.classes), bool)
    precisions = _average_precisions(pool, every, true_cells)
    mean = mean_of_known(precisions)
    gains: dict[Outcome, float] = {
        outcome: mean_of_known(_average_precisions(pool, pool.outcomes != outcome, true_cells)) - mean
        for outcome in Outcome
        if outcome is not Outcome.FOUND
    }
    classes = tuple(
        _class_score(pool, number, precisions[number], bounds[number]) for number in range(NUMBER_OF_CLASSES)
    )
    return DetectionScore(classes, mean, mean_of_known(bounds), gains)


def average_precision(hits: Bool[np.ndarray, " detection"], true_cells: int) -> float:
    """Return the area under the monotone precision curve, all points; nan without a true cell.

    Args:
        hits: Whether each detection is a true positive, surest first.
        true_cells: Number of true cells, found or not.

    >>> average_precision(np.array([True, False, True, False]), 2)
    0.8333333333333333
    """
    if true_cells == 0:
        return np.nan
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    return float(monotone[hits].sum() / true_cells)


def pooled(images: Sequence[ImageEvidence]) -> Pool:
    """Return the true entries and sorted detections of a set of images, each at most once, in any order."""
    images = sorted(images, key=lambda image: image.image_id)
    sizes = [len(image.classes) for image in images]
    true_sizes = [len(image.true_classes) for image in images]
    first_entry = np.repeat(np.cumsum([0, *true_sizes])[:-1], sizes)
    claimed = _joined([image.claimed for image in images], np.int64)
    claimed = np.where(claimed >= 0, claimed + first_entry, -1)
    classes = _joined([image.classes for image in images], np.int64)
    confidences = _joined([image.confidences for image in images], np.float64)
    mask_rank = _joined([image.mask_rank for image in images], np.int64)
    on_a_cell = _joined([image.on_a_cell for image in images], np.bool_)
    home = np.repeat(np.arange(len(images)), sizes)
    order = np.lexsort((mask_rank, home, -confidences, classes))
    true_classes = _joined([image.true_classes for image in images], np.int64)
    claimed_by_any = np.zeros(len(true_classes), bool)
    claimed_by_any[claimed[claimed >= 0]] = True
    return Pool(
        true_classes=true_classes,
        true_images=np.repeat(np.arange(len(images)), true_sizes),
        reachable=_joined([image.reachable for image in images], np.bool_),
        claimed_by_any=claimed_by_any,
        classes=classes[order],
        images=home[order],
        outcomes=_outcomes(claimed[order], on_a_cell[order]),
    )


def _outcomes(
    claimed: Int64[np.ndarray, " detection"], on_a_cell: Bool[np.ndarray, " detection"]
) -> Int64[np.ndarray, " detection"]:
    """Return what becomes of detections, surest first: the first to claim a true entry gets it."""
    outcomes = np.where(on_a_cell, np.int64(Outcome.WRONG_CLASS), np.int64(Outcome.LONE))
    claims = np.flatnonzero(claimed >= 0)
    outcomes[claims] = Outcome.DUPLICATE
    _, first = np.unique(claimed[claims], return_index=True)
    outcomes[claims[first]] = Outcome.FOUND
    return outcomes


def _average_precisions(
    pool: Pool, kept: Bool[np.ndarray, " detection"], true_cells: Int64[np.ndarray, " class"]
) -> list[float]:
    hits = pool.outcomes[kept] == Outcome.FOUND
    edges = np.searchsorted(pool.classes[kept], np.arange(NUMBER_OF_CLASSES + 1))
    return [
        average_precision(hits[edges[number] : edges[number + 1]], int(true_cells[number]))
        for number in range(NUMBER_OF_CLASSES)
    ]


def _class_score(pool: Pool, number: int, ap: float, bound: float) -> ClassScore:
    is_true = pool.true_classes == number
    outcomes = np.bincount(pool.outcomes[pool.classes == number], minlength=len(Outcome)).tolist()
    return ClassScore(
        ap=ap,
        bound=bound,
        true_cells=int(is_true.sum()),
        detections={outcome: outcomes[outcome] for outcome in Outcome},
        missed_by_segmentation=int((is_true & ~pool.reachable).sum()),
        not_named=int((is_true & pool.reachable & ~pool.claimed_by_any).sum()),
    )


def _share(part: Int64[np.ndarray, " class"], whole: Int64[np.ndarray, " class"]) -> list[float]:
    return [float(some / all_) if all_ else np.nan for some, all_ in zip(part, whole, strict=True)]


def mean_of_known(values: Sequence[float]) -> float:
    """Return the mean of the values that are numbers; nan if there is none."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _joined(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([*parts, np.empty(0, dtype)])
