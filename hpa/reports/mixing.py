"""What the model takes each location for: mean confidence in every class, over cells of one class alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpa.reports.facts import RunFacts


@dataclass(frozen=True)
class MixingRow:
    """One true class: how many cells show it alone, and the mean confidence they get in each class."""

    index: int
    name: str
    colour: str
    cells: int
    confidences: tuple[float, ...]


def mixing_rows(facts: RunFacts) -> list[MixingRow]:
    """Return a row for each class that some judged cell shows alone.

    With several true classes a cell's second class is no mistake, so such cells are left out.
    """
    judged = facts.is_judged
    truth, probabilities = facts.truth[judged] > 0.5, facts.probabilities[judged]
    alone = truth.sum(axis=1) == 1
    rows = []
    for index, name in enumerate(facts.class_names):
        chosen = alone & truth[:, index]
        if chosen.any():
            means = np.clip(probabilities[chosen].mean(axis=0), 0, 1)
            colour = facts.class_colours[index]
            rows.append(MixingRow(index, name, colour, int(chosen.sum()), tuple(float(mean) for mean in means)))
    return rows
