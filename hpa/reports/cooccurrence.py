"""Which classes occur together in a cell, by the ground truth and by the predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hpa.reports.class_styles import ClassStyle
from hpa.reports.facts import RunFacts

MAX_CLASSES = 30
"""The most frequent ones; a wider table cannot be read."""


@dataclass(frozen=True)
class CooccurrenceRow:
    """Cells of a class.

    Attributes:
        place: Column of the class itself.
        name: Of the class.
        style: Its look.
        cells: How many have it.
        true: Share of them that have each class of the table, by the ground truth.
        predicted: The same by the predictions: mean confidence, weighted by the confidence in this class.
    """

    place: int
    name: str
    style: ClassStyle
    cells: int
    true: tuple[float, ...]
    predicted: tuple[float, ...]


def cooccurrence_rows(facts: RunFacts) -> list[CooccurrenceRow]:
    """Return a row for each class that has positive cells; columns are the same classes."""
    known = facts.has_truth
    truth = (facts.truth[known] > 0.5).astype(np.float64)
    predicted = np.clip(facts.probabilities[known].astype(np.float64), 0, 1)
    counts = truth.sum(axis=0)
    frequent = np.argsort(-counts, kind="stable")[:MAX_CLASSES]
    shown = np.sort(frequent[counts[frequent] > 0])
    shares = [_shares(values[:, shown]) for values in (truth, predicted)]
    return [
        CooccurrenceRow(
            place,
            facts.class_names[index],
            facts.class_styles[index],
            int(counts[index]),
            tuple(shares[0][place].tolist()),
            tuple(shares[1][place].tolist()),
        )
        for place, index in enumerate(shown.tolist())
    ]


def _shares(weights: Float64[np.ndarray, "cell class"]) -> Float64[np.ndarray, "class class"]:
    """Return, for each class, the mean of every class over cells weighted by it; 1 with itself."""
    shares = weights.T @ weights / np.maximum(weights.sum(axis=0)[:, None], 1e-12)
    np.fill_diagonal(shares, 1.0)
    return shares
