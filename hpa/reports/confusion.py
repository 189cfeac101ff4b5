"""Which classes are confused: mean confidence in every class, over cells of a single class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpa.reports.class_styles import ClassStyle
from hpa.reports.facts import RunFacts


@dataclass(frozen=True)
class ConfusionRow:
    """One true class: the number of cells with it alone, and their mean confidence in each class."""

    index: int
    name: str
    style: ClassStyle
    cells: int
    confidences: tuple[float, ...]


def confusion_rows(facts: RunFacts) -> list[ConfusionRow]:
    """Return a row for each class that is the only one of some cell.

    With several true classes a cell's second class is no mistake, so such cells are left out.
    """
    known = facts.has_truth
    truth, probabilities = facts.truth[known] > 0.5, facts.probabilities[known]
    alone = truth.sum(axis=1) == 1
    rows = []
    for index, name in enumerate(facts.class_names):
        chosen = alone & truth[:, index]
        if chosen.any():
            means = np.clip(probabilities[chosen].mean(axis=0), 0, 1)
            rows.append(
                ConfusionRow(index, name, facts.class_styles[index], int(chosen.sum()), tuple(map(float, means)))
            )
    return rows
