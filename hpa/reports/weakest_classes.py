"""Which classes are found worst among cells whose classes are known, and what they are taken for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpa.metrics.localisation import average_precision

SHOWN = 3


@dataclass(frozen=True)
class WeakClass:
    """A class.

    Attributes:
        index: Its number.
        name: Its name.
        average_precision: Of its confidences, over all cells whose classes are known.
        cells: How many cells show it.
        image: Number of the image that has most of them.
        taken_for: The class that is most probable for most of those of its cells where the most probable class is
            none that they show; None where there is no such cell.
        taken: For how many cells that is so.
    """

    index: int
    name: str
    average_precision: float
    cells: int
    image: int
    taken_for: str | None
    taken: int


def weakest_classes(images: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> list[WeakClass]:
    """Return up to three classes, lowest average precision first; none where no cell's classes are known.

    Args:
        images: Each with its `cells`, of which each has `scores` (number and confidence of each class, most probable
            first) and `truth` (numbers of its classes; None where they are not known).
        class_names: Name of each class.
    """
    known = [
        (number, cell) for number, image in enumerate(images) for cell in image["cells"] if cell["truth"] is not None
    ]
    confidences = np.full((len(known), len(class_names)), -1.0)  # a class that is not predicted ranks last
    truth = np.zeros(confidences.shape, bool)
    for row, (_, cell) in enumerate(known):
        for index, confidence in cell["scores"]:
            confidences[row, index] = confidence
        truth[row, cell["truth"]] = True
    weak = [
        _weak_class(index, name, known, confidences[:, index], truth[:, index], class_names)
        for index, name in enumerate(class_names)
        if truth[:, index].any()
    ]
    return sorted(weak, key=lambda one: one.average_precision)[:SHOWN]


def _weak_class(
    index: int,
    name: str,
    known: Sequence[tuple[int, Mapping[str, Any]]],
    confidence: np.ndarray,
    shows: np.ndarray,
    class_names: Sequence[str],
) -> WeakClass:
    rows = np.flatnonzero(shows).tolist()
    of_images = Counter(known[row][0] for row in rows)
    first = [(known[row][1]["scores"][0][0], known[row][1]["truth"]) for row in rows if known[row][1]["scores"]]
    others = Counter(other for other, shown in first if other not in shown).most_common(1)
    taken_for, taken = (class_names[others[0][0]], others[0][1]) if others else (None, 0)
    average = average_precision(confidence, shows)
    return WeakClass(index, name, average, len(rows), of_images.most_common(1)[0][0], taken_for, taken)
