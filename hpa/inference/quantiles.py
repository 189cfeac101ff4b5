"""Probabilities as ranks: which share of a network's held-out cells it gave less, class by class, and back again.

Networks of different losses spread their probabilities differently; their orders can be averaged where their numbers
cannot. Ranks among the cells at hand would depend on which cells those are; ranks among the held-out cells of the
training do not, so that an image gets the same answer in any company.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor


@dataclass(frozen=True)
class _Curve:
    """A strictly rising piecewise linear curve from (0, 0) to (1, 1)."""

    probabilities: Float64[np.ndarray, " knot"]
    quantiles: Float64[np.ndarray, " knot"]


class QuantileScale:
    """Takes probabilities of each class to quantiles among a sample, and back; both ways keep their order.

    Between the probabilities of the sample the quantile rises linearly, and it meets 0 and 1 where they do.

    Args:
        sample: Probabilities of held-out cells; without any the scale is the identity.
    """

    def __init__(self, sample: Float[np.ndarray, "cell class"]) -> None:
        self._curves = [_curve_of(column) for column in sample.T.astype(np.float64)]

    def quantiles(self, probabilities: Float[Tensor, "row class"]) -> Float64[Tensor, "row class"]:
        """Return the quantile of each probability."""
        columns = probabilities.double().numpy().T
        found = [
            np.interp(column, curve.probabilities, curve.quantiles)
            for column, curve in zip(columns, self._curves, strict=True)
        ]
        return torch.from_numpy(np.stack(found, axis=1))

    def probabilities(self, quantiles: Float64[Tensor, "row class"]) -> Float64[Tensor, "row class"]:
        """Return the probability at each quantile."""
        columns = quantiles.numpy().T
        found = [
            np.interp(column, curve.quantiles, curve.probabilities)
            for column, curve in zip(columns, self._curves, strict=True)
        ]
        return torch.from_numpy(np.stack(found, axis=1))


def _curve_of(sample: Float64[np.ndarray, " cell"]) -> _Curve:
    values, counts = np.unique(sample, return_counts=True)
    # equal values share the middle of their ranks, which lies strictly between 0 and 1
    middles = (np.cumsum(counts) - counts / 2) / max(len(sample), 1)
    inner = (values > 0) & (values < 1)
    return _Curve(np.concatenate([[0.0], values[inner], [1.0]]), np.concatenate([[0.0], middles[inner], [1.0]]))
