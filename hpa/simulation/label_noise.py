"""How wrong "copy the image's locations to every cell" is on a set of cells with known truth.

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
    """Share of the copied labels that the cell shows."""
    recall: float
    """Share of what cells show (Negative counted as a class) that is copied to them."""
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
        told = set(labelled)
        for shown in map(set, cell_classes):
            cells += 1
            copied += len(told)
            true += len(shown)
            hit += len(told & shown)
            equal += told == shown
            negative += NEGATIVE_CLASS in shown
    return LabelNoise(
        cells=cells,
        precision=hit / max(copied, 1),
        recall=hit / max(true, 1),
        equal_sets=equal / max(cells, 1),
        negative_cells=negative / max(cells, 1),
    )
