"""What is drawn in an epoch and in which order, some of it more often than the rest."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int


def drawn_by_weight(weights: Float64[np.ndarray, " item"], generator: np.random.Generator) -> Int[np.ndarray, " item"]:
    """Return as many draws as there are items, shuffled: each about as often as it weighs, once if all weigh alike."""
    order = generator.permutation(len(weights))
    if not len(order) or np.ptp(weights) == 0:
        return order
    # Evenly spaced points on the line of all weights (systematic sampling): no item is off by a whole draw.
    ends = np.cumsum(weights[order])
    points = (np.arange(len(order)) + generator.random()) * (ends[-1] / len(order))
    return generator.permutation(order[np.searchsorted(ends[:-1], points, side="right")])


def repeats_of(drawn: Int[np.ndarray, " draw"]) -> Int[np.ndarray, " draw"]:
    """Return how often each item was drawn before.

    >>> repeats_of(np.array([7, 3, 7, 7, 3]))
    array([0, 0, 1, 2, 1])
    """
    order = np.argsort(drawn, kind="stable")
    first = np.flatnonzero(np.diff(drawn[order], prepend=-1))
    turns = np.empty_like(drawn)
    turns[order] = np.arange(len(drawn)) - np.repeat(first, np.diff(first, append=len(drawn)))
    return turns
