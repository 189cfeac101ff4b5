"""Which classes are found worst among cells whose classes are known, and what they are taken for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from hpa.metrics.localisation import average_precision

SHOWN = 3
_NOT_PREDICTED = -1.0
"""Ranks last."""


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
    """Return the weakest classes of a page of cells; none where no cell's classes are known.

    Args:
        images: Each with its `cells`, of which each has `scores` (number and confidence of each class, most probable
            first) and `truth` (numbers of its classes; None where they are not known).
        class_names: Name of each class.
    """
    known = [
        (number, cell) for number, image in enumerate(images) for cell in image["cells"] if cell["truth"] is not None
    ]
    confidences = np.full((len(known), len(class_names)), _NOT_PREDICTED)
    truth = np.zeros(confidences.shape, bool)
    for row, (_, cell) in enumerate(known):
        for index, confidence in cell["scores"]:
            confidences[row, index] = confidence
        truth[row, cell["truth"]] = True
    return weakest(confidences, truth, np.array([number for number, _ in known], np.int64), class_names)


def weakest(
    confidences: Float[np.ndarray, "cell class"],
    truth: Bool[np.ndarray, "cell class"],
    image: Int64[np.ndarray, " cell"],
    class_names: Sequence[str],
) -> list[WeakClass]:
    """Return up to three classes, lowest average precision first.

    Args:
        confidences: Of cells whose classes are known; below 0 where a class is not predicted.
        truth: Their classes.
        image: Number of the image of each.
        class_names: Name of each class.
    """
    is_predicted = confidences.max(axis=1, initial=_NOT_PREDICTED) > _NOT_PREDICTED
    first = np.where(is_predicted, confidences.argmax(axis=1), -1) if len(class_names) else np.zeros(0, np.int64)
    taken = (first >= 0) & ~np.take_along_axis(truth, np.maximum(first, 0)[:, None], axis=1)[:, 0]
    found = []
    for index in np.flatnonzero(truth.any(axis=0)).tolist():
        shows = truth[:, index]
        others = Counter(first[shows & taken].tolist()).most_common(1)
        taken_for, count = (class_names[others[0][0]], others[0][1]) if others else (None, 0)
        most = Counter(image[shows].tolist()).most_common(1)[0][0]
        average = average_precision(confidences[:, index], shows)
        found.append(WeakClass(index, class_names[index], average, int(shows.sum()), most, taken_for, count))
    return sorted(found, key=lambda one: one.average_precision)[:SHOWN]
