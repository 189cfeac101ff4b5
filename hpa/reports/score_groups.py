"""Average precision of groups of cells: small and large, at the edge of the image and inside, dim and bright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hpa.metrics.localisation import average_precision
from hpa.reports.facts import RunFacts

_QUARTERS = 4
_MIN_CELLS = 10
"""Fewer cells make no group worth a number."""
_MAX_READ = 4096
_PIECE = 64
_WORDS = {"area_px": "Area of the cell, px", "nucleus_px": "Area of the nucleus, px"}


@dataclass(frozen=True)
class CellGroup:
    """A group of cells: which, how many, the mean average precision of its classes, and the chance level of that."""

    name: str
    cells: int
    score: float
    chance: float


@dataclass(frozen=True)
class GroupedScores:
    """Cells divided by one measurement; all groups are scored by the same classes.

    Attributes:
        title: What they are divided by.
        class_count: Classes that have positive cells in every group.
        groups: In the order of the measurement.
    """

    title: str
    class_count: int
    groups: tuple[CellGroup, ...]


def grouped_scores(facts: RunFacts) -> list[GroupedScores]:
    """Return the scores by area, contact with the edge and brightness, of those that are known and divide the cells."""
    known = facts.has_truth
    divisions: list[tuple[str, list[tuple[str, Bool[np.ndarray, " cell"]]]]] = []
    for column, title in _WORDS.items():
        if facts.measures is not None and column in facts.measures:
            values = facts.measures[column].to_numpy(np.float64)
            divisions.append((title, _quarters(np.where(known & (values > 0), values, np.nan))))
    if facts.measures is not None and "edge_px" in facts.measures:
        at_edge = facts.measures["edge_px"].to_numpy() > 0
        divisions.append(("Edge of the image", [("inside", known & ~at_edge), ("touches the edge", known & at_edge)]))
    name, brightness = brightness_of(facts)
    if name:
        divisions.append(
            (f"Brightness of {name}, % of the range", _quarters(np.where(known, 100 * brightness, np.nan)))
        )
    scored = [_scored(facts, title, groups) for title, groups in divisions]
    return [scores for scores in scored if scores is not None]


def brightness_of(facts: RunFacts) -> tuple[str, Float[np.ndarray, " cell"]]:
    """Return a channel (green, where proteins are, else the first) and its mean within each cell, NaN where not read.

    At most some thousand cells are read, evenly spaced.
    """
    values = np.full(len(facts.cells), np.nan)
    if not facts.channels or not len(values):
        return "", values
    name = "green" if "green" in facts.channels else facts.channels[0]
    place = facts.channels.index(name)
    rows = np.unique(np.linspace(0, len(values) - 1, min(_MAX_READ, len(values))).round().astype(np.int64))
    for start in range(0, len(rows), _PIECE):
        piece = rows[start : start + _PIECE]
        planes = facts.crops_of(piece)[:, place].reshape(len(piece), -1)
        values[piece] = planes.sum(axis=1) / np.maximum(1, (planes > 0).sum(axis=1))
    return name, values


def _quarters(values: Float[np.ndarray, " cell"]) -> list[tuple[str, Bool[np.ndarray, " cell"]]]:
    """Return name and cells of the quarters of a measurement; fewer where values repeat, NaN in none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return []
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, _QUARTERS + 1)))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(0, len(edges) - 2))
    return [
        (f"{_short(edges[index])} to {_short(edges[index + 1])}", np.isfinite(values) & (place == index))
        for index in range(len(edges) - 1)
    ]


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _scored(facts: RunFacts, title: str, divided: list[tuple[str, Bool[np.ndarray, " cell"]]]) -> GroupedScores | None:
    groups = [(name, chosen) for name, chosen in divided if chosen.sum() >= _MIN_CELLS]
    truth = facts.truth > 0.5
    if len(groups) < 2:
        return None
    present = np.flatnonzero(np.logical_and.reduce([truth[chosen].any(axis=0) for _, chosen in groups]))
    if not len(present):
        return None
    scores = tuple(
        CellGroup(
            name,
            int(chosen.sum()),
            float(np.mean([average_precision(facts.probabilities[chosen, k], truth[chosen, k]) for k in present])),
            float(truth[chosen][:, present].mean()),
        )
        for name, chosen in groups
    )
    return GroupedScores(title, len(present), scores)
