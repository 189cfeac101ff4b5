"""Confidences that mean a frequency, by any rising curve (Zadrozny and Elkan, Transforming scores, KDD 2002).

The curve of least squares among all that never fall is a staircase; here its steps' middles are joined by lines, since
cells on one step would lose their order, on which alone the score of the competition depends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64
from scipy import optimize

from hpa.inference.cells.held_out import HeldOutCells
from hpa.interfaces import SegmentedField

Curve = tuple[Float64[np.ndarray, " knot"], Float64[np.ndarray, " knot"]]


class IsotonicRule:
    """Replaces the confidences of each class by a rising curve through held-out frequencies, (0, 0) and (1, 1).

    The fit is to true classes of cells where the runs knew them, else to labels of images (see
    `HeldOutCells.scored_rows`). Classes that are never, or always, true there stay as they are.
    """

    needs_held_out = True

    def __init__(self) -> None:
        self._curves: list[Curve] = []

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Fit the curves to the first entry: what the rules get to see, on held-out cells."""
        probabilities, targets = held_out[0].scored_rows()
        columns = zip(probabilities.T.astype(np.float64), targets.T.astype(np.float64), strict=True)
        self._curves = [_curve_of(confidences, truth) for confidences, truth in columns]

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the calibrated confidences."""
        del field  # confidences alone decide
        columns = zip(probabilities.T, self._curves, strict=True)
        return np.stack([np.interp(column, *curve) for column, curve in columns], axis=1).astype(probabilities.dtype)


def _curve_of(confidences: Float64[np.ndarray, " row"], truth: Float64[np.ndarray, " row"]) -> Curve:
    ends = np.array([0.0, 1.0])
    if truth.min() == truth.max():
        return ends, ends
    order = np.argsort(confidences, kind="stable")
    steps = optimize.isotonic_regression(truth[order])
    edges = steps.blocks
    middles = np.add.reduceat(confidences[order], edges[:-1]) / np.diff(edges)
    frequencies = np.asarray(steps.x)[edges[:-1]]
    inner = (middles > 0) & (middles < 1) & (frequencies > 0) & (frequencies < 1)
    return np.concatenate([[0.0], middles[inner], [1.0]]), np.concatenate([[0.0], frequencies[inner], [1.0]])
