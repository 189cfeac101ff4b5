"""Matching of one image for the detection score: the candidate true cell of each detection.

Masks repeat: a cell has one entry per class. So each distinct mask string is decoded once, and the IoU of distinct
predicted and distinct true masks serves all classes. Masks are compared in groups of neighbours: an image of 65,000
cells has four billion pairs, nearly all of which are far apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_GROUP = 128
"""Predicted masks that are compared at once."""


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
        iou: Threshold, inclusive; above 0.
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
    entry_of = np.full((len(masks.counts), NUMBER_OF_CLASSES), -1, np.int64)
    for group in _neighbours(masks.counts, true):
        entry_of[group.masks] = _entry_of_mask(group, true, iou)
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


@dataclass(frozen=True)
class _Group:
    """Predicted masks near to each other, and the true entries whose masks may overlap one of them.

    Attributes:
        masks: Places of the predicted masks.
        entries: Places of the true entries, ascending.
        iou: Of each of these masks with the mask of each of these entries.
    """

    masks: Int64[np.ndarray, " mask"]
    entries: Int64[np.ndarray, " entry"]
    iou: Float64[np.ndarray, "mask entry"]


def _neighbours(counts: Sequence[bytes], true: TrueEntries) -> Iterator[_Group]:
    """Yield all predicted masks in groups; pairs that are in no group do not overlap."""
    if not counts or not true.counts:
        return
    predicted, distinct = (_coco(texts, true.height, true.width) for texts in (counts, true.counts))
    boxes, true_boxes = _boxes_of(predicted), _boxes_of(distinct)
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    band_px = max(1.0, (true.height * true.width * _GROUP / len(counts)) ** 0.5)
    # large masks last, so that they do not bring all true masks into every group
    order = np.lexsort((boxes[:, 0], boxes[:, 1] // band_px, np.log2(np.maximum(side, 1)).astype(np.int64)))
    for begin in range(0, len(order), _GROUP):
        rows = order[begin : begin + _GROUP]
        first, last = boxes[rows, :2].min(axis=0), boxes[rows, 2:].max(axis=0)
        columns = np.flatnonzero(((true_boxes[:, :2] < last) & (true_boxes[:, 2:] > first)).all(axis=1))
        place = np.full(len(distinct), -1)
        place[columns] = np.arange(len(columns))
        entries = np.flatnonzero(place[true.mask_of_entry] >= 0)
        if len(entries):
            iou = coco_mask.iou(
                [predicted[row] for row in rows], [distinct[column] for column in columns], [0] * len(columns)
            )
            yield _Group(rows, entries, iou[:, place[true.mask_of_entry[entries]]])


def _coco(counts: Sequence[bytes], height: int, width: int) -> list[dict[str, Any]]:
    return [{"size": [height, width], "counts": text} for text in counts]


def _boxes_of(masks: list[dict[str, Any]]) -> Float64[np.ndarray, "mask 4"]:
    """Return left, top, right and bottom of each mask, px."""
    boxes = coco_mask.toBbox(masks)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _entry_of_mask(group: _Group, true: TrueEntries, threshold: float) -> Int64[np.ndarray, "mask class"]:
    """Return the candidate true entry of each mask of a group under each class, -1 where none reaches the threshold."""
    true_classes = true.classes[group.entries]
    entry_of = np.full((len(group.masks), NUMBER_OF_CLASSES), -1, np.int64)
    for number in np.unique(true_classes):
        of_class = np.flatnonzero(true_classes == number)
        iou_in_class = group.iou[:, of_class]
        best = iou_in_class.argmax(axis=1)  # the first of equals
        reaches = iou_in_class.max(axis=1) >= threshold
        entry_of[reaches, number] = group.entries[of_class[best[reaches]]]
    return entry_of
