"""Label noise: how wrong the labels of an image are for each of its cells, given the ground truth of the cells.

On 328 real images with 5,090 hand-labelled cells it has micro precision .655 and recall .905, a cell's set equals its
image's in 48 %, and 10.3 % of the cells are negative though no image is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpa.core.classes import NEGATIVE_CLASS


@dataclass(frozen=True)
class LabelNoise:
    """Figures of one data set, images labelled Negative left out (NaN-free: an empty set gives zeros)."""

    cells: int
    precision: float
    """Share of the copied labels that are right for the cell."""
    recall: float
    """Share of the cells' classes (Negative counted as one) that are copied to them."""
    equal_sets: float
    """Share of the cells whose set equals that of their image."""
    negative_cells: float
    """Share of the cells that are negative."""


def copy_noise(images: Iterable[tuple[Sequence[int], Sequence[Sequence[int]]]]) -> LabelNoise:
    """Return the figures of images given as (labels of the image, classes of each of its cells)."""
    cells = copied = true = hit = equal = negative = 0
    for labelled, cell_classes in images:
        if NEGATIVE_CLASS in labelled:
            continue
        labels = set(labelled)
        for classes in map(set, cell_classes):
            cells += 1
            copied += len(labels)
            true += len(classes)
            hit += len(labels & classes)
            equal += labels == classes
            negative += NEGATIVE_CLASS in classes
    return LabelNoise(
        cells=cells,
        precision=hit / max(copied, 1),
        recall=hit / max(true, 1),
        equal_sets=equal / max(cells, 1),
        negative_cells=negative / max(cells, 1),
    )
