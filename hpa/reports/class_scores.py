"""How well each class is ranked: average precision beside the chance level, and the precision-recall curve.

Chance is the share of positives: the expected average precision of a random ranking (Saito and Rehmsmeier, PLoS ONE
10:e0118432, 2015), so that a rare class is not taken for a badly learned one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hpa.metrics.localisation import average_precision, precision_recall
from hpa.reports.charts import Frame, Line, LineChart, path_of
from hpa.reports.class_styles import ClassStyle
from hpa.reports.facts import RunFacts

FRAME = Frame(210, 170, 30, 10, 10, 26, (0.0, 1.0), (0.0, 1.0))
TICKS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class ClassScore:
    """One class in the page; `average_precision` is None where it has no positives."""

    index: int
    name: str
    style: ClassStyle
    positives: int
    chance: float
    average_precision: float | None
    submission_precision: float | None
    curve: LineChart | None


def class_scores(facts: RunFacts) -> list[ClassScore]:
    """Return the classes, best average precision first, those without positives last in their own order."""
    known = facts.has_truth
    truth, probabilities = facts.truth[known] > 0.5, facts.probabilities[known]
    scores = [
        _score_of(facts, index, truth[:, index], probabilities[:, index]) for index in range(len(facts.class_names))
    ]
    return sorted(scores, key=lambda score: math.inf if score.average_precision is None else -score.average_precision)


def _score_of(
    facts: RunFacts, index: int, is_positive: Bool[np.ndarray, " cell"], confidence: Float[np.ndarray, " cell"]
) -> ClassScore:
    positives = int(is_positive.sum())
    average = average_precision(confidence, is_positive) if positives else None
    return ClassScore(
        index,
        facts.class_names[index],
        facts.class_styles[index],
        positives,
        positives / len(is_positive) if len(is_positive) else 0.0,
        average,
        _submission_precision(facts.score, index),
        None if average is None else _curve(facts.class_names[index], is_positive, confidence, average),
    )


def curve_points(
    confidence: Float[np.ndarray, " cell"], is_positive: Bool[np.ndarray, " cell"]
) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """Return recall and precision, from the axis on: there at the precision of the most confident cells.

    >>> curve_points(np.array([0.9, 0.1]), np.array([True, False]))[0].tolist()
    [0.0, 1.0, 1.0]
    """
    precision, recall = precision_recall(confidence, is_positive)
    return np.append(0.0, recall), np.append(precision[0], precision)


def _curve(
    name: str, is_positive: Bool[np.ndarray, " cell"], confidence: Float[np.ndarray, " cell"], average: float
) -> LineChart:
    x, y = curve_points(confidence, is_positive)
    path = path_of(FRAME, x, y)
    base = FRAME.y(0.0)
    area = f"{path}L{FRAME.x(float(x[-1])):g},{base:g}L{FRAME.x(0.0):g},{base:g}Z"
    return LineChart(
        name,
        f"Precision-recall curve of {name}: average precision {average:.3f}",
        FRAME,
        "recall",
        FRAME.x_ticks(TICKS),
        FRAME.y_ticks(TICKS),
        (Line("", "area", area), Line("", "class", path)),
    )


def _submission_precision(score: Mapping[str, Any] | None, index: int) -> float | None:
    """Return the class's average precision in the result of `hpa score --json`."""
    value = ((score or {}).get("ap") or {}).get(str(index))
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
