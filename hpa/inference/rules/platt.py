"""Calibrated confidences: a logistic curve for each class (Platt, Probabilistic outputs, 1999).

The ranking within a class stays, so that the score does not change; what compares classes gains: thresholds and people
who read confidences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64
from scipy import optimize, special

from hpa.inference.cells.held_out import HeldOutCells
from hpa.interfaces import SegmentedField

MIN_PROBABILITY = 1e-7
"""Probabilities of 0 and 1 have no logit."""


class PlattRule:
    """Replaces the logit of each class by `slope x logit + offset`, fitted to held-out cells with a positive slope.

    The fit is to true classes of cells where the runs knew them, else to labels of images (see
    `HeldOutCells.scored_rows`). Classes that are never, or always, true there stay as they are.
    """

    needs_held_out = True

    def __init__(self) -> None:
        self._slopes: Float64[np.ndarray, " class"] = np.ones(1)
        self._offsets: Float64[np.ndarray, " class"] = np.zeros(1)

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Fit the curves to the first entry: what the rules get to see, on held-out cells."""
        probabilities, targets = held_out[0].scored_rows()
        columns = zip(logits_of(probabilities).T, targets.T.astype(np.float64), strict=True)
        lines = np.array([_line_of(logits, truth) for logits, truth in columns])
        self._slopes, self._offsets = lines[:, 0], lines[:, 1]

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the calibrated confidences."""
        del field  # confidences alone decide
        return special.expit(self._slopes * logits_of(probabilities) + self._offsets).astype(probabilities.dtype)


def logits_of(probabilities: Float[np.ndarray, "row class"]) -> Float64[np.ndarray, "row class"]:
    """Return finite logits."""
    return special.logit(np.clip(probabilities.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY))


def log_loss_of(logits: Float64[np.ndarray, " row"], truth: Float64[np.ndarray, " row"]) -> float:
    """Return the mean logarithmic loss of one class."""
    return float(np.mean(np.logaddexp(0, logits) - truth * logits))


def _line_of(logits: Float64[np.ndarray, " row"], truth: Float64[np.ndarray, " row"]) -> tuple[float, float]:
    """Return slope and offset with the lowest loss."""
    positives = truth.sum()
    negatives = len(truth) - positives
    if positives == 0 or negatives == 0:
        return 1.0, 0.0
    # Platt's targets: a step away from 0 and 1, so that separable classes keep a finite slope
    soft = np.where(truth > 0.5, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(line: Float64[np.ndarray, " 2"]) -> float:
        return log_loss_of(np.exp(line[0]) * logits + line[1], soft)

    # the logarithm of the slope is searched: a falling curve would turn the order of the class around
    bounds = [(-5.0, 3.0), (-20.0, 20.0)]
    found = optimize.minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=bounds)
    return float(np.exp(found.x[0])), float(found.x[1])
