"""The detection score of a submission file against a truth file; the submission is read row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, RawRow, read_raw_rows, read_table
from hpa.metrics.detection import DetectionScore, score_evidence
from hpa.metrics.detection_evidence import ImageEvidence, TrueEntries, Verified, evidence_of, true_entries_of


@dataclass(frozen=True)
class TableScore:
    """The score of a submission, and how far the two tables cover each other.

    Attributes:
        score: The score over all images of the ground truth.
        evidence: Of each of these images, to compare submissions.
        images: Images of the ground truth.
        without_row: Images of the ground truth that the submission lacks: they have no detections.
        not_in_truth: Rows of the submission without an image in the ground truth: they were left out.
    """

    score: DetectionScore
    evidence: list[ImageEvidence]
    images: int
    without_row: int
    not_in_truth: int


def score_tables(submission: Path, truth: Path, iou: float, verified: Verified) -> TableScore:
    """Score a submission file.

    Args:
        submission: Table with PredictionString.
        truth: Table with TruthString.
        iou: Threshold, inclusive, in (0, 1].
        verified: `all` counts every class in every image; `truth` only classes with ground truth in the image.

    Raises:
        InputError: If a file or its header cannot be used, or the threshold is out of range.
        DataError: With every malformed row of either file.
    """
    if not 0 < iou <= 1:
        raise InputError(f"the IoU threshold must lie in (0, 1], got {iou}; the competition's is 0.6.")
    true_entries = _read_truth(truth)
    evidence: dict[str, ImageEvidence] = {}
    problems: list[Problem] = []
    not_in_truth = 0
    for raw in read_raw_rows(submission, PREDICTION_COLUMN):
        if raw.image_id not in true_entries:
            not_in_truth += 1
            continue
        try:
            if raw.image_id in evidence:
                raise InputError("the id stands in an earlier row too; keep one row an image.")
            evidence[raw.image_id] = _evidence_of_row(raw, true_entries[raw.image_id], iou, verified)
        except InputError as error:
            problems.append(Problem(raw.name, str(error)))
    if problems:
        raise DataError(str(submission), problems)
    absent = [true for image_id, true in true_entries.items() if image_id not in evidence]
    without_detections = [evidence_of(true, "", iou, verified) for true in absent]
    all_images = [*evidence.values(), *without_detections]
    return TableScore(score_evidence(all_images), all_images, len(true_entries), len(absent), not_in_truth)


def _read_truth(path: Path) -> dict[str, TrueEntries]:
    entries: dict[str, TrueEntries] = {}
    problems: list[Problem] = []
    for row in read_table(path, TRUTH_COLUMN):
        try:
            entries[row.image_id] = true_entries_of(row)
        except InputError as error:
            problems.append(Problem(row.image_id, str(error)))
    if problems:
        raise DataError(str(path), problems)
    return entries


def _evidence_of_row(raw: RawRow, true: TrueEntries, iou: float, verified: Verified) -> ImageEvidence:
    row = raw.checked()
    if (row.width, row.height) != (true.width, true.height):
        raise InputError(
            f"the size is {row.width} x {row.height} (width x height), the truth says {true.width} x {true.height}; "
            "write the masks at the size of the image."
        )
    return evidence_of(true, row.text, iou, verified)
