"""Average precision of instances per class, and the confusion of classes.

Two rules are in use, both by IoU of masks. Pascal VOC (Everingham et al., IJCV 111:98, 2015): the area under the
monotone precision curve at IoU 0.5, all points of recall. COCO (Lin et al., ECCV 2014): precision at 101 steps of
recall, averaged over ten thresholds. Here nothing ends at 100 detections an image, as COCO's own evaluator does.

Instances of a label map share no pixel, so above IoU 0.5 each has at most one partner and the rules of matching cannot
differ. The pairs are read off one IoU matrix per image; COCO's loop over pairs gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import coo_array, csr_array

from hpa.core.errors import InputError
from hpa.core.matching import assign, overlaps_of
from hpa.interfaces import Instances
from hpa.metrics.detection import average_precision
from hpa.metrics.segmentation import THRESHOLDS

MATCHED_IOU = 0.5
"""IoU from which a prediction matches a true instance, whatever their classes."""
RECALL_STEPS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class ClassPrecision:
    """Average precision of one class; nan where the ground truth has none of it.

    Attributes:
        name: Of the class.
        voc_ap50: By Pascal VOC's rule, IoU 0.5.
        coco_ap: By COCO's rule, mean over IoU 0.50 to 0.95.
        coco_ap50: By COCO's rule, IoU 0.5.
        coco_ap75: By COCO's rule, IoU 0.75.
        true_count: True instances.
        predicted_count: Predicted instances.
    """

    name: str
    voc_ap50: float
    coco_ap: float
    coco_ap50: float
    coco_ap75: float
    true_count: int
    predicted_count: int


@dataclass(frozen=True)
class InstanceScore:
    """The score of a set of images.

    Attributes:
        classes: One per class, in the order of the names.
        confusion: Matched instances, by true class (rows) and predicted class (columns).
        missed: True instances of each class that no prediction of any class matches.
        unmatched: Predictions of each class that match no true instance.
    """

    classes: tuple[ClassPrecision, ...]
    confusion: Int64[np.ndarray, "class class"]
    missed: Int64[np.ndarray, " class"]
    unmatched: Int64[np.ndarray, " class"]

    def mean(self, score: str) -> float:
        """Return the mean of an average precision (`voc_ap50`, `coco_ap`, …) over the classes with ground truth."""
        known = [value for value in (getattr(one, score) for one in self.classes) if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan


@dataclass(frozen=True)
class _Image:
    """One image: IoU of the pairs that overlap, predictions most confident first."""

    iou: csr_array
    scores: Float64[np.ndarray, " predicted"]
    classes: Int64[np.ndarray, " predicted"]
    true_classes: Int64[np.ndarray, " true"]


def score_instances(
    predicted: Sequence[Instances], true: Sequence[Instances], class_names: Sequence[str]
) -> InstanceScore:
    """Return the score of images, given in one order.

    Raises:
        InputError: If the two differ in number or size of images, a class has no name, or predictions have no scores.
    """
    if len(predicted) != len(true):
        raise InputError(f"every true image needs one prediction; came {len(predicted)} for {len(true)} images.")
    images = [_compared(*pair, len(class_names)) for pair in zip(predicted, true, strict=True)]
    classes = tuple(_class_precision(images, number, name) for number, name in enumerate(class_names))
    confusion = np.zeros((len(class_names), len(class_names)), np.int64)
    for image in images:
        predictions, cells = assign(image.iou, MATCHED_IOU)
        np.add.at(confusion, (image.true_classes[cells], image.classes[predictions]), 1)
    missed = np.array([one.true_count for one in classes], np.int64) - confusion.sum(axis=1)
    unmatched = np.array([one.predicted_count for one in classes], np.int64) - confusion.sum(axis=0)
    return InstanceScore(classes, confusion, missed, unmatched)


def _compared(predicted: Instances, true: Instances, class_count: int) -> _Image:
    if predicted.scores is None:
        raise InputError("average precision ranks predictions by their scores, these have none; give Instances.scores.")
    iou = overlaps_of(np.asarray(predicted.label_map), np.asarray(true.label_map))
    classes, true_classes = np.asarray(predicted.classes, np.int64), np.asarray(true.classes, np.int64)
    for source, one, cells in (("predicted", classes, iou.shape[0]), ("true", true_classes, iou.shape[1])):
        if len(one) != cells:
            raise InputError(f"the {source} label map holds {cells} instances, but {len(one)} classes are given.")
        if len(one) and not 0 <= one.min() <= one.max() < class_count:
            raise InputError(
                f"{source} classes must lie in 0 to {class_count - 1}, the names given; got {set(one.tolist())}."
            )
    order = np.argsort(-np.asarray(predicted.scores, np.float64), kind="stable")
    return _Image(iou[order], np.asarray(predicted.scores, np.float64)[order], classes[order], true_classes)


def _class_precision(images: Sequence[_Image], number: int, name: str) -> ClassPrecision:
    true_count = sum(int((image.true_classes == number).sum()) for image in images)
    scores = np.concatenate([image.scores[image.classes == number] for image in images] or [np.zeros(0)])
    order = np.argsort(-scores, kind="stable")
    at = {threshold: _hits(images, number, threshold)[order] for threshold in THRESHOLDS}
    coco = {threshold: _coco_average_precision(hits, true_count) for threshold, hits in at.items()}
    return ClassPrecision(
        name=name,
        voc_ap50=average_precision(at[0.5], true_count),
        coco_ap=float(np.mean(list(coco.values()))),
        coco_ap50=coco[0.5],
        coco_ap75=coco[0.75],
        true_count=true_count,
        predicted_count=len(scores),
    )


def _hits(images: Sequence[_Image], number: int, threshold: float) -> Bool[np.ndarray, " detection"]:
    """Return which predictions of a class are true positives, image by image, most confident first within each."""
    hits_of_image = []
    for image in images:
        detections, cells = np.flatnonzero(image.classes == number), np.flatnonzero(image.true_classes == number)
        pairs = coo_array(image.iou[detections][:, cells])
        reaches = np.stack(pairs.coords, axis=1)[pairs.data >= threshold]
        hits, taken = np.zeros(len(detections), np.bool_), set[int]()
        # At IoU 0.5 exactly one may have two partners of half its size, or two of that size share one.
        for detection, cell in reaches[np.lexsort(reaches.T[::-1])].tolist():
            if not hits[detection] and cell not in taken:
                hits[detection] = True
                taken.add(cell)
        hits_of_image.append(hits)
    return np.concatenate([*hits_of_image, np.zeros(0, np.bool_)])


def _coco_average_precision(hits: Bool[np.ndarray, " detection"], true_count: int) -> float:
    """Return the mean of the monotone precision at 101 steps of recall, 0 where a step is not reached."""
    if true_count == 0:
        return math.nan
    true_positives = np.cumsum(hits)
    precision = np.maximum.accumulate((true_positives / np.arange(1, len(hits) + 1))[::-1])[::-1]
    reached = np.searchsorted(true_positives / true_count, RECALL_STEPS, side="left")
    return float(np.append(precision, 0.0)[reached].mean())
