"""Matching of one image for the detection score: the candidate true cell of each detection.

Masks repeat: a cell has one entry per class. So each distinct mask string is decoded once, and one IoU matrix of
distinct predicted against distinct true masks serves all classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64
from pycocotools import mask as coco_mask

from hpa.core.classes import LOCATIONS
from hpa.core.encoding import MaskReader
from hpa.core.errors import InputError
from hpa.core.run_lengths import unpack
from hpa.core.submission import parse_prediction, parse_truth
from hpa.core.submission_table import TableRow

Verified = Literal["all", "truth"]
"""Which classes count in an image: all, or only those with ground truth in it."""
NUMBER_OF_CLASSES = len(LOCATIONS)


@dataclass(frozen=True)
class TrueEntries:
    """Ground truth of one image: one entry per cell and class.

    Attributes:
        image_id: Name of the image.
        height: Of the image, in px.
        width: Of the image, in px.
        classes: Class of each entry.
        mask_of_entry: Which distinct mask each entry has.
        counts: COCO texts of the distinct masks.
    """

    image_id: str
    height: int
    width: int
    classes: Int64[np.ndarray, " true"]
    mask_of_entry: Int64[np.ndarray, " true"]
    counts: list[bytes]


@dataclass(frozen=True)
class ImageEvidence:
    """True entries (one per cell and class) and detections of one image; masks without a pixel are in neither.

    Attributes:
        image_id: Name of the image.
        true_classes: Class of each true entry.
        reachable: Whether some predicted mask, under any class, matches the entry.
        classes: Class of each detection.
        confidences: Confidence of each detection.
        mask_rank: Place of its mask string among the sorted ones of the image, which breaks ties of confidence.
        candidate: True entry of the detection's class with the highest IoU, the first of equals; -1 where this IoU is
            below the threshold.
        matches_any: Whether its mask reaches the IoU threshold with a true cell of any class.
    """

    image_id: str
    true_classes: Int64[np.ndarray, " true"]
    reachable: Bool[np.ndarray, " true"]
    classes: Int64[np.ndarray, " detection"]
    confidences: Float64[np.ndarray, " detection"]
    mask_rank: Int64[np.ndarray, " detection"]
    candidate: Int64[np.ndarray, " detection"]
    matches_any: Bool[np.ndarray, " detection"]


@dataclass(frozen=True)
class _Masks:
    counts: list[bytes]
    """COCO texts of the distinct masks that have a pixel, in the order of their competition strings."""
    of_entry: Int64[np.ndarray, " entry"]
    """Which of them an entry has; -1 for a mask without a pixel."""


def true_entries_of(truth: TableRow) -> TrueEntries:
    """Return the true entries of an image, in the order written; masks without a pixel are left out.

    Raises:
        InputError: If the TruthString is malformed, a class is unknown, or a mask does not decode at the image's size.
    """
    written = parse_truth(truth.text)
    _require_known(written.classes)
    masks = _distinct(written.masks, truth.height, truth.width)
    has_pixel = masks.of_entry >= 0
    return TrueEntries(
        truth.image_id, truth.height, truth.width, written.classes[has_pixel], masks.of_entry[has_pixel], masks.counts
    )


def evidence_of(true: TrueEntries, prediction_text: str, iou: float, verified: Verified) -> ImageEvidence:
    """Return the detections of an image matched with its ground truth.

    Args:
        true: Ground truth of the image.
        prediction_text: PredictionString of the image; "" for no detections.
        iou: Threshold, inclusive.
        verified: `truth` drops detections of classes without ground truth in this image.

    Raises:
        InputError: If the text is malformed, a class is unknown, or a mask does not decode at the image's size.
    """
    written = parse_prediction(prediction_text)
    _require_known(written.classes)
    masks = _distinct(written.masks, true.height, true.width)
    counted = masks.of_entry >= 0
    if verified == "truth":
        counted &= np.isin(written.classes, true.classes)
    mask_iou = _iou(masks.counts, true.counts, true.height, true.width)
    entry_of = _entry_of_mask(mask_iou[:, true.mask_of_entry], true.classes, iou)
    reachable = np.zeros(len(true.classes), bool)
    reachable[entry_of[entry_of >= 0]] = True
    classes, mask_rank = written.classes[counted], masks.of_entry[counted]
    return ImageEvidence(
        image_id=true.image_id,
        true_classes=true.classes,
        reachable=reachable,
        classes=classes,
        confidences=written.confidences[counted],
        mask_rank=mask_rank,
        candidate=entry_of[mask_rank, classes],
        matches_any=np.any(entry_of >= 0, axis=1)[mask_rank],
    )


def _require_known(classes: Int64[np.ndarray, " entry"]) -> None:
    unknown = classes[(classes < 0) | (classes >= NUMBER_OF_CLASSES)]
    if len(unknown):
        raise InputError(f"class {unknown[0]} is unknown; classes are the numbers 0 to {NUMBER_OF_CLASSES - 1}.")


def _distinct(texts: Sequence[str], height: int, width: int) -> _Masks:
    distinct = sorted(set(texts))
    reader = MaskReader(height, width)
    counts = [reader.inflate(text) for text in distinct]
    runs = unpack(counts, height * width)
    filled = np.bincount(runs.mask_of, minlength=len(distinct)) > 0
    rank = np.where(filled, np.cumsum(filled) - 1, -1).tolist()
    rank_of = dict(zip(distinct, rank, strict=True))
    of_entry = np.array([rank_of[text] for text in texts], np.int64)
    return _Masks(list(compress(counts, filled)), of_entry)


def _iou(
    predicted: Sequence[bytes], true: Sequence[bytes], height: int, width: int
) -> Float64[np.ndarray, "predicted true"]:
    if not predicted or not true:
        return np.zeros((len(predicted), len(true)))

    def coco(counts: Sequence[bytes]) -> list[dict[str, Any]]:
        return [{"size": [height, width], "counts": text} for text in counts]

    return coco_mask.iou(coco(predicted), coco(true), [0] * len(true))


def _entry_of_mask(
    iou: Float64[np.ndarray, "mask true"], true_classes: Int64[np.ndarray, " true"], threshold: float
) -> Int64[np.ndarray, "mask class"]:
    """Return the candidate true entry of each mask under each class, -1 where none reaches the threshold."""
    entry_of = np.full((len(iou), NUMBER_OF_CLASSES), -1, np.int64)
    for number in np.unique(true_classes):
        entries = np.flatnonzero(true_classes == number)
        iou_in_class = iou[:, entries]
        best = iou_in_class.argmax(axis=1)  # the first of equals
        reaches = iou_in_class.max(axis=1) >= threshold
        entry_of[reaches, number] = entries[best[reaches]]
    return entry_of
