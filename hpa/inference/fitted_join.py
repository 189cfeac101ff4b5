"""Members combined by weights that are fitted to their predictions of held-out cells (`ensemble=fitted`).

Weights are never negative and sum to 1. They are found in two ways:

- `LogLossWeights`: the logarithmic loss of a weighted mean is convex in the weights; the steps of expectation
  maximisation for the shares of a mixture (Smyth and Wolpert, Stacked density estimation, 1999) go downhill to its
  minimum, and keep the weights where they belong.
- `MeanApWeights`: average precision has no slope, so members are added one by one, with replacement, each time the one
  that helps most (Caruana et al., Ensemble selection from libraries of models, ICML 2004).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from hpa.core.errors import InputError
from hpa.inference.cells.held_out import HeldOutCells, require_same_cells
from hpa.inference.ensemble import Probabilities, Rows, Weights
from hpa.inference.joins import arithmetic_mean, member_weights
from hpa.metrics.localisation import average_precision_per_class

log = logging.getLogger(__name__)

Members = Float[np.ndarray, "member row class"]
Targets = Float[np.ndarray, "row class"]

MIN_PROBABILITY = 1e-6
"""A probability of 0 of a positive row would cost an infinite loss."""
STEPS = 2000
CONVERGED = 1e-9
"""Weights that change less in a step have converged."""


@runtime_checkable
class WeightFit(Protocol):
    """A way to find weights."""

    needs_true_cells: bool
    """Whether rows must be cells of known classes: the largest probability of an image's cells is none of the image."""

    def weights(self, probabilities: Members, targets: Targets) -> Float64[np.ndarray, " member"]:
        """Return one weight a member for all the classes that are given."""


class LogLossWeights:
    """Weights with the lowest logarithmic loss of the weighted mean.

    The loss judges levels, not only order. Fitted to the largest probabilities of images, which were four times too
    high, it kept a network of .170 mAP and dropped one of .285 (docs/inference.md): it is refused there.
    """

    needs_true_cells = True

    def weights(self, probabilities: Members, targets: Targets) -> Float64[np.ndarray, " member"]:
        """Return the weights; targets may be soft."""
        count = len(probabilities)
        positive = np.clip(probabilities.reshape(count, -1).astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        target = targets.reshape(-1).astype(np.float64)
        weights = np.full(count, 1 / count)
        for _ in range(STEPS):
            mean = weights @ positive
            # how much more than the mean each member expected the target, averaged over rows and classes
            gain = (positive * (target / mean) + (1 - positive) * ((1 - target) / (1 - mean))).mean(axis=1)
            moved = weights * gain
            moved /= moved.sum()
            if np.abs(moved - weights).max() < CONVERGED:
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


class FittedJoin:
    """Weighted arithmetic mean, its weights fitted to the members' held-out cells.

    Weights are fitted to true classes of cells where the runs knew them, else to labels of images (see
    `HeldOutCells.scored_rows`).

    Args:
        member_count: Members; comes from the runs.
        fit: Finds the weights.
        per_class: Whether each class gets weights of its own; classes without a positive row share those of all.

    Raises:
        InputError: If there is no member.
    """

    needs_held_out = True

    def __init__(self, member_count: int, fit: WeightFit, per_class: bool) -> None:
        self._weight_fit = fit
        self._per_class = per_class
        self._weights: Weights = member_weights(None, member_count)

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Fit the weights.

        Raises:
            InputError: If the members did not hold out the same cells, or the fit needs true classes of cells.
        """
        require_same_cells(held_out)
        if self._weight_fit.needs_true_cells and not all(member.has_true_cells for member in held_out):
            raise InputError(
                "ensemble/fit=log_loss needs classes of single cells, and these runs have labels of images alone; "
                "choose ensemble/fit=mean_ap, or train with data.cell_truth=FILE."
            )
        scored = [member.scored_rows() for member in held_out]
        probabilities = np.stack([rows for rows, _ in scored])
        targets = scored[0][1]
        weights = self._weight_fit.weights(probabilities, targets)[:, None]
        if self._per_class:
            weights = self._weights_of_classes(probabilities, targets, weights)
        rounded = [[round(float(weight), 3) for weight in row] for row in weights]
        for member, row in zip(held_out, rounded, strict=True):
            log.info("weight of %s, from %d held-out rows: %s", member.path.parent, len(targets), row)
        self._weights = torch.from_numpy(weights)

    def __call__(self, probabilities: Probabilities) -> Rows:
        """Return the weighted means."""
        return arithmetic_mean(probabilities, self._weights)

    def of_images(self, probabilities: Probabilities, members: Bool[Tensor, " any_member"]) -> Rows:
        """Return the means over some members."""
        return arithmetic_mean(probabilities, self._weights[members])

    def _weights_of_classes(
        self,
        probabilities: Float32[np.ndarray, "member row class"],
        targets: Float32[np.ndarray, "row class"],
        of_all: Float64[np.ndarray, "member 1"],
    ) -> Float64[np.ndarray, "member class"]:
        weights = np.repeat(of_all, targets.shape[1], axis=1)
        for index in np.flatnonzero((targets > 0.5).any(axis=0)):
            chosen = slice(index, index + 1)
            weights[:, index] = self._weight_fit.weights(probabilities[..., chosen], targets[:, chosen])
        return weights
