"""Cells worth looking at, class by class: true positives, missed cells and false positives, by confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from hpa.reports.class_styles import ClassStyle
from hpa.reports.facts import RunFacts
from hpa.reports.looked_at import looked_at_uris
from hpa.reports.page import data_uri
from hpa.reports.pictures import composite_cells

CELLS_A_GROUP = 4


@dataclass(frozen=True)
class CellPicture:
    """One cell of the gallery, its confidence in the class of its gallery, and name and look of its true classes.

    `looked_at` shows where the network looked; None where it has no maps.
    """

    picture: str
    looked_at: str | None
    side_px: int
    image_id: str
    cell: int
    confidence: float
    truth: tuple[tuple[str, ClassStyle], ...]


@dataclass(frozen=True)
class Group:
    """A row of cells with its heading."""

    title: str
    order: str
    cells: tuple[CellPicture, ...]


@dataclass(frozen=True)
class ClassGallery:
    """The cells of one class."""

    index: int
    name: str
    style: ClassStyle
    positives: int
    groups: tuple[Group, ...]


def class_galleries(facts: RunFacts) -> list[ClassGallery]:
    """Return the gallery of every class that has positive cells, in the order of the classes."""
    known = facts.has_truth
    galleries = []
    for index, name in enumerate(facts.class_names):
        is_true = known & (np.nan_to_num(facts.truth[:, index]) > 0.5)
        if not is_true.any():
            continue
        groups = [
            Group(title, order, tuple(_pictures(facts, rows, index)))
            for title, order, rows in chosen_cells(facts, index)
        ]
        galleries.append(ClassGallery(index, name, facts.class_styles[index], int(is_true.sum()), tuple(groups)))
    return galleries


def chosen_cells(facts: RunFacts, index: int) -> list[tuple[str, str, Int64[np.ndarray, " row"]]]:
    """Return heading, order and rows of each group of cells of a class; no cell is in two."""
    known, confidence = facts.has_truth, facts.probabilities[:, index]
    is_true = known & (np.nan_to_num(facts.truth[:, index]) > 0.5)
    true_rows, false_rows = _by_confidence(confidence, is_true), _by_confidence(confidence, known & ~is_true)
    hit_count = min(CELLS_A_GROUP, (len(true_rows) + 1) // 2)
    misses = true_rows[hit_count:][::-1][:CELLS_A_GROUP]
    return [
        ("True positives", "highest confidence first", true_rows[:hit_count]),
        ("Missed cells", "lowest confidence first", misses),
        ("False positives", "highest confidence first", false_rows[:CELLS_A_GROUP]),
    ]


def _by_confidence(
    confidence: Float[np.ndarray, " cell"], keep: Bool[np.ndarray, " cell"]
) -> Int64[np.ndarray, " row"]:
    """Return the rows that are kept, highest confidence first."""
    rows = np.flatnonzero(keep).astype(np.int64)
    return rows[np.argsort(-confidence[rows], kind="stable")]


def _pictures(facts: RunFacts, rows: Int64[np.ndarray, " row"], index: int) -> list[CellPicture]:
    if len(rows) == 0:
        return []
    pictures = composite_cells(facts.crops_of(rows), facts.channels)
    looked_at = looked_at_uris(facts, rows, np.full(len(rows), index, np.int64))
    return [
        CellPicture(
            data_uri(picture),
            looked,
            picture.shape[0],
            str(facts.cells["image_id"].iloc[row]),
            int(facts.cells["cell"].iloc[row]),
            float(facts.probabilities[row, index]),
            facts.classes_in(facts.truth[row]),
        )
        for picture, looked, row in zip(pictures, looked_at, rows, strict=True)
    ]
