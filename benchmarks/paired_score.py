"""What submissions gain over another, with an interval: `python -m benchmarks.paired_score TRUTH BASE OTHER...`.

Images are drawn with replacement (Efron, Bootstrap methods: another look at the jackknife, 1979), the same ones for
both sides, so that what is hard about an image does not show. The interval knows nothing of other trainings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, read_table
from hpa.metrics.detection import score_evidence
from hpa.metrics.detection_evidence import ImageEvidence, evidence_of, true_entries_of

DRAWS = 400
IOU = 0.6
Copies = Int64[np.ndarray, "draw image"]
"""How often each image was drawn."""


def main(truth: str, base: str, *others: str) -> None:
    """Print one row of a table for each submission."""
    images = evidence_in(Path(truth), Path(base))
    count = len(images)
    copies = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    mean, of_draws = score_evidence(images).mean, means_of_draws(images, copies)
    print(f"| submission | mAP | gain | 95 % interval |\n|---|---|---|---|\n| {base} | {mean:.4f} | | |")
    for other in others:
        images = evidence_in(Path(truth), Path(other))
        score = score_evidence(images).mean
        low, high = np.percentile(means_of_draws(images, copies) - of_draws, [2.5, 97.5])
        print(f"| {other} | {score:.4f} | {score - mean:+.4f} | {low:+.4f} to {high:+.4f} |", flush=True)


def evidence_in(truth: Path, submission: Path) -> list[ImageEvidence]:
    """Return what a submission claims of each image of the truth, in the order of the truth."""
    texts = {row.image_id: row.text for row in read_table(submission, PREDICTION_COLUMN)}
    rows = read_table(truth, TRUTH_COLUMN)
    return [evidence_of(true_entries_of(row), texts.get(row.image_id, ""), IOU, "all") for row in rows]


def means_of_draws(images: Sequence[ImageEvidence], copies: Copies) -> Float64[np.ndarray, " draw"]:
    """Return the mean average precision of each draw over the classes that it holds."""
    return np.nanmean(precisions_of_draws(images, copies)[1], axis=1)


def precisions_of_draws(
    images: Sequence[ImageEvidence], copies: Copies
) -> tuple[Int64[np.ndarray, " class"], Float64[np.ndarray, "draw class"]]:
    """Return the classes with a true cell and the average precision of each draw; NaN where a draw holds none."""
    image_of = np.repeat(np.arange(len(images)), [len(image.classes) for image in images])
    image_of_true = np.repeat(np.arange(len(images)), [len(image.true_classes) for image in images])
    classes = np.concatenate([image.classes for image in images])
    candidate = np.concatenate([image.candidate for image in images])
    confidences = np.concatenate([image.confidences for image in images])
    true_classes = np.concatenate([image.true_classes for image in images])
    numbers = np.unique(true_classes)
    per_class = []
    for number in numbers:
        rows = np.flatnonzero(classes == number)
        rows = rows[np.argsort(-confidences[rows], kind="stable")]
        true_cells = copies[:, image_of_true[true_classes == number]].sum(axis=1)
        per_class.append(_average_precisions(candidate[rows] >= 0, copies[:, image_of[rows]], true_cells))
    return numbers, np.stack(per_class, axis=1)


def _average_precisions(
    hits: Bool[np.ndarray, " detection"],
    copies: Int64[np.ndarray, "draw detection"],
    true_cells: Int64[np.ndarray, " draw"],
) -> Float64[np.ndarray, " draw"]:
    """Return areas under the monotone precision curves of detections that count several times, most confident first.

    Masks of a label map do not overlap, so no true cell is matched twice. Without a true cell the area is NaN.
    """
    found = copies * hits
    precision = np.cumsum(found, axis=1) / np.maximum(np.cumsum(copies, axis=1), 1)
    monotone = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return (monotone * found).sum(axis=1) / np.where(true_cells > 0, true_cells, np.nan)


if __name__ == "__main__":
    main(*sys.argv[1:])
