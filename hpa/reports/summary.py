"""The numbers at the head of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpa.reports.facts import RunFacts
from hpa.reports.learning_curves import best_row, column

COMPETITION_IOU = 0.6


@dataclass(frozen=True)
class Figure:
    """One number, what it is, and a remark in small print."""

    name: str
    value: str
    remark: str = ""


def summary(facts: RunFacts) -> list[Figure]:
    """Return the figures; an unknown value is shown as unknown, never left out."""
    history = facts.history
    row = best_row(history, facts.best_epoch)
    figures = [] if facts.score is None else [_submission(facts.score)]
    without = "unknown: validation had no ground truth of cells (data.cell_truth=FILE)"
    for name, source, missing in (("Cell mAP", "val_cell_map", without), ("Image mAP", "val_image_map", "unknown")):
        value = math.nan if row is None else float(column(history, source)[row])
        remark = "; ".join(["validation, best epoch", *cut_validation(facts.validation_batches)])
        figures.append(Figure(name, _fraction(value), remark if math.isfinite(value) else missing))
    epoch = math.nan if row is None else float(column(history, "epoch")[row])
    minutes = float(np.nansum(column(history, "seconds"))) / 60
    images = facts.cells["image_id"].nunique()
    figures += [
        Figure("Best epoch", f"{epoch:g}" if math.isfinite(epoch) else "–", f"of {len(history)}"),
        Figure("Cells", f"{len(facts.cells):,}", f"in {images:,} validation image{'s' if images != 1 else ''}"),
        Figure("Training", f"{minutes:.1f} min" if minutes >= 0.95 else f"{minutes * 60:.0f} s", "sum of the epochs"),
    ]
    return figures


def cut_validation(batches: tuple[int, int] | None, verb: str = "") -> list[str]:
    """Return a remark where validation used only some of its batches, none where it used all or it is not known.

    >>> cut_validation((2, 9)), cut_validation((9, 9))
    (['from 2 of 9 batches only'], [])
    """
    if batches is None or batches[0] >= batches[1]:
        return []
    return [f"{verb}from {batches[0]} of {batches[1]} batches only"]


def _submission(score: Mapping[str, Any]) -> Figure:
    if not isinstance(score.get("map"), float | int):
        return Figure("Submission mAP", "–", "no class has ground truth")
    remark = f"masks at IoU {score.get('iou', COMPETITION_IOU):g}"
    if isinstance(score.get("bound"), float | int):
        remark += f"; upper bound of these masks {_fraction(float(score['bound']))}"
    return Figure("Submission mAP", _fraction(float(score["map"])), remark)


def _fraction(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"
