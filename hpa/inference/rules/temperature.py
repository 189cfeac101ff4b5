"""Calibrated confidences, with one number a class (Guo et al., On calibration, ICML 2017, arXiv:1706.04599).

It raises or lowers the confidence of a class around a probability of one half; with few held-out cells it errs less
than the two numbers of `platt`. The ranking within a class stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64
from scipy import optimize, special

from hpa.inference.cells.held_out import HeldOutCells
from hpa.inference.rules.platt import log_loss_of, logits_of
from hpa.interfaces import SegmentedField

LOG_SLOPE_RANGE = (-5.0, 3.0)


class TemperatureRule:
    """Divides the logit of each class by a temperature fitted to held-out cells, as `platt` fits its two numbers."""

    needs_held_out = True

    def __init__(self) -> None:
        self._slopes: Float64[np.ndarray, " class"] = np.ones(1)

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Fit the temperatures to the first entry: what the rules get to see, on held-out cells."""
        probabilities, targets = held_out[0].scored_rows()
        columns = zip(logits_of(probabilities).T, targets.T.astype(np.float64), strict=True)
        self._slopes = np.array([_slope_of(logits, truth) for logits, truth in columns])

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the calibrated confidences."""
        del field  # confidences alone decide
        return special.expit(self._slopes * logits_of(probabilities)).astype(probabilities.dtype)


def _slope_of(logits: Float64[np.ndarray, " row"], truth: Float64[np.ndarray, " row"]) -> float:
    """Return one over the temperature with the lowest loss."""
    if truth.min() == truth.max():
        return 1.0
    found = optimize.minimize_scalar(
        lambda log_slope: log_loss_of(np.exp(log_slope) * logits, truth), bounds=LOG_SLOPE_RANGE, method="bounded"
    )
    return float(np.exp(found.x))
