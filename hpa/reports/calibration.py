"""Whether confidences mean what they say, class by class, and from which confidence on a class is best called present.

The error of calibration is the mean distance of confidence and share of positives over bins of equal width, weighted by
their cells (Naeini, Cooper and Hauskrecht, AAAI 2015). The threshold is the one of the highest F1 on these very cells,
so that its F1 is an upper bound for others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from hpa.metrics.localisation import precision_recall
from hpa.reports.charts import Frame, Line, LineChart, dots_of, path_of
from hpa.reports.class_styles import ClassStyle
from hpa.reports.facts import RunFacts

BINS = 10
_FRAME = Frame(210, 170, 30, 10, 10, 26, (0.0, 1.0), (0.0, 1.0))
_TICKS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Reliability:
    """Confidence against share of positives; bins without cells are left out.

    Attributes:
        confidence: Mean of each bin.
        share: Of positive cells in each bin.
        cells: Number in each bin.
    """

    confidence: Float64[np.ndarray, " bin"]
    share: Float64[np.ndarray, " bin"]
    cells: Int64[np.ndarray, " bin"]

    @property
    def error(self) -> float:
        """Return the expected calibration error, 0 to 1."""
        return float(np.average(np.abs(self.confidence - self.share), weights=self.cells))


@dataclass(frozen=True)
class ClassCalibration:
    """One class.

    Attributes:
        name: Of the class.
        style: Its look.
        reliability: Confidence against share of positives.
        threshold: Confidence with the highest F1.
        f1: There.
        f1_at_half: At confidence 0.5.
        curve: The reliability, to be drawn.
    """

    name: str
    style: ClassStyle
    reliability: Reliability
    threshold: float
    f1: float
    f1_at_half: float
    curve: LineChart


def class_calibrations(facts: RunFacts) -> list[ClassCalibration]:
    """Return the classes that have positive cells, in their order."""
    known = facts.has_truth
    truth, probabilities = facts.truth[known] > 0.5, facts.probabilities[known].astype(np.float64)
    return [
        _of_class(facts, index, probabilities[:, index], truth[:, index])
        for index in range(len(facts.class_names))
        if truth[:, index].any()
    ]


def reliability_of(
    confidences: Float[np.ndarray, " cell"], positive: Bool[np.ndarray, " cell"], bins: int = BINS
) -> Reliability:
    """Return confidence against share of positives in bins of equal width; of one cell or more.

    >>> reliability_of(np.array([0.9, 0.9]), np.array([True, True])).error.__round__(6)
    0.1
    """
    place = np.clip((confidences * bins).astype(np.int64), 0, bins - 1)
    cells = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (confidences, positive)]
    filled = cells > 0
    confidence, share = (total[filled] / cells[filled] for total in sums)
    return Reliability(confidence, share, cells[filled].astype(np.int64))


def best_threshold(confidences: Float[np.ndarray, " cell"], positive: Bool[np.ndarray, " cell"]) -> tuple[float, float]:
    """Return the confidence from which on calling cells positive has the highest F1, and that F1; some are positive.

    >>> best_threshold(np.array([0.9, 0.4, 0.1]), np.array([True, True, False]))
    (0.4, 1.0)
    """
    precision, recall = precision_recall(confidences, positive)
    scores = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(scores.argmax())
    return float(np.unique(confidences)[::-1][best]), float(scores[best])


def _of_class(
    facts: RunFacts, index: int, confidences: Float[np.ndarray, " cell"], positive: Bool[np.ndarray, " cell"]
) -> ClassCalibration:
    name = facts.class_names[index]
    reliability = reliability_of(confidences, positive)
    threshold, f1 = best_threshold(confidences, positive)
    called = confidences >= 0.5
    at_half = 2 * int((called & positive).sum()) / max(1, int(called.sum() + positive.sum()))
    diagonal = path_of(_FRAME, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    points = (reliability.confidence, reliability.share)
    measured = Line("", "class", path_of(_FRAME, *points), dots_of(_FRAME, *points, "confidence"))
    curve = LineChart(
        name,
        f"Calibration of {name}: error {reliability.error:.3f}, best threshold {threshold:.2f}",
        _FRAME,
        "confidence",
        _FRAME.x_ticks(_TICKS),
        _FRAME.y_ticks(_TICKS),
        (Line("", "mark", diagonal), measured),
    )
    return ClassCalibration(name, facts.class_styles[index], reliability, threshold, f1, at_half, curve)
