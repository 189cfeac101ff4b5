"""Weights of an ensemble's members from what they said of held-out rows: never negative, their sum 1.

Two ways:

- `LogLossWeights`: the logarithmic loss of a weighted mean is convex in the weights; the steps of expectation
  maximisation for the shares of a mixture (Smyth and Wolpert, Stacked density estimation, 1999) go downhill to its
  minimum, and keep the weights where they belong.
- `MeanApWeights`: average precision has no slope, so members are added one by one, with replacement, each time the one
  that helps most (Caruana et al., Ensemble selection from libraries of models, ICML 2004).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float64

from hpa.core.errors import InputError
from hpa.metrics.localisation import average_precision_per_class

Members = Float[np.ndarray, "member row class"]
Targets = Float[np.ndarray, "row class"]

MIN_PROBABILITY = 1e-6
"""A probability of 0 that turns out true would cost an infinite loss."""
STEPS = 2000
STILL = 1e-9
"""Weights that move less in a step have arrived."""


@runtime_checkable
class WeightFit(Protocol):
    """A way to find weights."""

    needs_true_cells: bool
    """Whether rows must be cells of known classes: the largest probability of an image's cells is none of the image."""

    def weights(self, probabilities: Members, targets: Targets) -> Float64[np.ndarray, " member"]:
        """Return one weight a member for all the classes that are given."""


class LogLossWeights:
    """Weights of least logarithmic loss of the weighted mean.

    The loss judges levels, not only order. Fitted to the largest probabilities of images, which were four times too
    high, it kept a network of .170 mAP and dropped one of .285 (docs/inference.md): it is refused there.
    """

    needs_true_cells = True

    def weights(self, probabilities: Members, targets: Targets) -> Float64[np.ndarray, " member"]:
        """Return the weights; targets may be soft."""
        count = len(probabilities)
        positive = np.clip(probabilities.reshape(count, -1).astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        truth = targets.reshape(-1).astype(np.float64)
        weights = np.full(count, 1 / count)
        for _ in range(STEPS):
            mean = weights @ positive
            # how much more than the mean each member expected what came, averaged over rows and classes
            gain = (positive * (truth / mean) + (1 - positive) * ((1 - truth) / (1 - mean))).mean(axis=1)
            moved = weights * gain
            moved /= moved.sum()
            if np.abs(moved - weights).max() < STILL:
                return moved
            weights = moved
        return weights


class MeanApWeights:
    """Weights of high mean average precision of the weighted mean, whose rows may be cells or images.

    Args:
        rounds: Members added, each perhaps several times; weights are multiples of one over at most this number.

    Raises:
        InputError: If there is no round.
    """

    needs_true_cells = False

    def __init__(self, rounds: int) -> None:
        if rounds < 1:
            raise InputError(f"ensemble.fit.rounds must be at least 1; came {rounds}.")
        self._rounds = rounds

    def weights(self, probabilities: Members, targets: Targets) -> Float64[np.ndarray, " member"]:
        """Return the weights of the best choice on the way; classes without a positive row do not count."""
        counts = np.zeros(len(probabilities))
        total = np.zeros(probabilities.shape[1:])
        best, best_counts = -np.inf, np.ones(len(probabilities))
        for _ in range(self._rounds):
            scores = [_mean_ap(total + member, targets) for member in probabilities]
            chosen = int(np.argmax(scores))
            total += probabilities[chosen]
            counts[chosen] += 1
            if scores[chosen] > best:
                best, best_counts = scores[chosen], counts.copy()
        return best_counts / best_counts.sum()


def _mean_ap(scores: Targets, targets: Targets) -> float:
    per_class = average_precision_per_class(scores, targets)
    present = per_class[~np.isnan(per_class)]
    return float(present.mean()) if present.size else 0.0
