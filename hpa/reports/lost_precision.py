"""Where mean average precision was lost: by class, by pair of classes, and by single cells.

The average precision of a class is the mean, over its positive cells, of the precision at their rank: a positive loses
(1 - precision) / positives. All of it is due to negatives that rank above: each costs 1 / (rank x positives) at every
positive below it. Both sums are 1 - AP exactly; divided by the number of classes they are what mAP lacks to 1. Cells of
equal confidence are one step, as in the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from hpa.reports.class_styles import ClassStyle
from hpa.reports.facts import RunFacts
from hpa.reports.looked_at import looked_at_uris
from hpa.reports.page import data_uri
from hpa.reports.pictures import composite_cells

SHOWN_CELLS, SHOWN_PAIRS = 12, 10


@dataclass(frozen=True)
class CostlyCell:
    """A cell that cost much.

    Attributes:
        picture: As a data address.
        looked_at: Where the network looked, likewise; None where it has no maps.
        side_px: Of the picture.
        image_id: Its image.
        cell: Its number in the label map.
        name: The class in which it cost.
        style: Look of that class.
        confidence: In that class.
        cost: Share of mAP.
        truth: Name and look of its true classes.
    """

    picture: str
    looked_at: str | None
    side_px: int
    image_id: str
    cell: int
    name: str
    style: ClassStyle
    confidence: float
    cost: float
    truth: tuple[tuple[str, ClassStyle], ...]


@dataclass(frozen=True)
class CostlyPair:
    """Cells of a true class that rank among another one: (name, look) of both, and share of mAP that it cost."""

    true: tuple[str, ClassStyle]
    ranked_as: tuple[str, ClassStyle]
    cost: float


@dataclass(frozen=True)
class LostPrecision:
    """What mAP lacks to 1.

    Attributes:
        total: All of it.
        classes: Name, look and share of each class, the costliest first.
        pairs: The costliest pairs.
        false_positives: The costliest cells that rank high in a class they do not show.
        missed: Cells that lose most because they rank low in a class that they show.
    """

    total: float
    classes: tuple[tuple[str, ClassStyle, float], ...]
    pairs: tuple[CostlyPair, ...]
    false_positives: tuple[CostlyCell, ...]
    missed: tuple[CostlyCell, ...]


def lost_precision(facts: RunFacts) -> LostPrecision | None:
    """Return where the mean average precision of the held-out cells was lost; None where no class has a positive."""
    rows = np.flatnonzero(facts.has_truth)
    truth, probabilities = facts.truth[rows] > 0.5, facts.probabilities[rows]
    present = np.flatnonzero(truth.any(axis=0))
    if not len(present):
        return None
    costs = [costs_of_class(probabilities[:, index], truth[:, index]) for index in present]
    caused, suffered = (np.stack([cost[part] for cost in costs], axis=1) / len(present) for part in (0, 1))
    of_class = suffered.sum(axis=0)
    order = np.argsort(-of_class, kind="stable")
    looks = list(zip(facts.class_names, facts.class_styles, strict=True))
    return LostPrecision(
        float(of_class.sum()),
        tuple((*looks[present[place]], float(of_class[place])) for place in order.tolist()),
        tuple(_pairs(caused, truth, present, looks)),
        tuple(_cells(facts, rows, present, caused)),
        tuple(_cells(facts, rows, present, suffered)),
    )


def costs_of_class(
    confidences: Float[np.ndarray, " cell"], positive: Bool[np.ndarray, " cell"]
) -> tuple[Float64[np.ndarray, " cell"], Float64[np.ndarray, " cell"]]:
    """Return what each negative costs of the average precision of a class, and what each positive loses of it.

    >>> caused, suffered = costs_of_class(np.array([0.9, 0.8]), np.array([False, True]))
    >>> caused.tolist(), suffered.tolist()
    ([0.5, 0.0], [0.0, 0.5])
    """
    order = np.argsort(-confidences, kind="stable")
    last_of_step = np.append(np.flatnonzero(np.diff(confidences[order])), len(order) - 1)
    step_of_place = np.searchsorted(last_of_step, np.arange(len(order)))
    found = np.cumsum(positive[order])[last_of_step]
    weight = np.diff(found, prepend=0) / (last_of_step + 1) / positive.sum()
    below = np.cumsum(weight[::-1])[::-1]
    caused, suffered = np.zeros(len(order)), np.zeros(len(order))
    caused[order] = np.where(positive[order], 0, below[step_of_place])
    lost = (1 - found / (last_of_step + 1)) / positive.sum()
    suffered[order] = np.where(positive[order], lost[step_of_place], 0)
    return caused, suffered


def _pairs(
    caused: Float64[np.ndarray, "cell present"],
    truth: Bool[np.ndarray, "cell class"],
    present: Int64[np.ndarray, " present"],
    looks: list[tuple[str, ClassStyle]],
) -> list[CostlyPair]:
    """Return the costliest pairs; the cost of a cell of several true classes is shared by them."""
    share = truth / np.maximum(1, truth.sum(axis=1, keepdims=True))
    costs = share.T @ caused
    best = np.argsort(-costs, axis=None, kind="stable")[:SHOWN_PAIRS]
    places = [divmod(int(place), costs.shape[1]) for place in best]
    return [
        CostlyPair(looks[row], looks[present[at]], float(costs[row, at])) for row, at in places if costs[row, at] > 0
    ]


def _cells(
    facts: RunFacts,
    rows: Int64[np.ndarray, " cell"],
    present: Int64[np.ndarray, " present"],
    costs: Float64[np.ndarray, "cell present"],
) -> list[CostlyCell]:
    best = np.argsort(-costs, axis=None, kind="stable")[:SHOWN_CELLS]
    places = [divmod(int(place), costs.shape[1]) for place in best]
    places = [(cell, at) for cell, at in places if costs[cell, at] > 0]
    if not places:
        return []
    chosen = rows[[cell for cell, _ in places]]
    pictures = composite_cells(facts.crops_of(chosen), facts.channels)
    looked_at = looked_at_uris(facts, chosen, present[[at for _, at in places]])
    return [
        CostlyCell(
            data_uri(picture),
            looked,
            picture.shape[0],
            str(facts.cells["image_id"].iloc[row]),
            int(facts.cells["cell"].iloc[row]),
            facts.class_names[present[at]],
            facts.class_styles[present[at]],
            float(facts.probabilities[row, present[at]]),
            float(costs[cell, at]),
            facts.classes_in(facts.truth[row]),
        )
        for picture, looked, row, (cell, at) in zip(pictures, looked_at, chosen.tolist(), places, strict=True)
    ]
