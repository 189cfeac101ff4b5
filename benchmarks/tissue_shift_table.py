"""The Markdown of a shift table: Dice of each row, and what it gains over another on the same splits.

Two things vary, and each has its interval: which images were at hand (a bootstrap over images of their mean over
splits; Efron, 1979) and which training it was (Student's t over splits, paired: differences of rows on one split).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import t

from hpa.metrics.tissue import ImageDice, TissueScore

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Row:
    """What was measured of one row.

    Attributes:
        shown: In the table.
        against: Name of the row it is compared with; "" for none.
        splits: For each split the Dice of each image.
        organ_of: What each image shows.
    """

    shown: str
    against: str
    splits: Mapping[int, Mapping[str, float]]
    organ_of: Mapping[str, str]

    @property
    def score(self) -> TissueScore:
        """Return the score of the images, each the mean of its Dice over splits."""
        means = {image: float(np.mean([split[image] for split in self.splits.values()])) for image in self.organ_of}
        return TissueScore(tuple(ImageDice(image, self.organ_of[image], dice) for image, dice in means.items()))

    def mean_of(self, split: int) -> float:
        """Return the mean Dice of a split."""
        return float(np.mean(list(self.splits[split].values())))


def table(rows: Mapping[str, Row]) -> str:
    """Return the table, a row for each that was measured, in order; organs have columns where there are several."""
    measured = {name: row for name, row in rows.items() if row.splits}
    if not measured:
        return ""
    first = next(iter(measured.values()))
    organs = sorted(set(first.organ_of.values()))
    organs = organs if len(organs) > 1 else []
    heads = ["row", "splits", "Dice", "95 % over images", "gain", "over the first row", *organs]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in measured.values():
        score = row.score
        low, high = score.interval
        cells = [row.shown, str(len(row.splits)), _dice(score.dice), f"{_dice(low)} to {_dice(high)}"]
        cells += [_gain(row, measured.get(row.against)), "" if row is first else _gain(row, first)]
        cells += [_dice(score.per_organ[organ]) for organ in organs]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def half_interval(differences: Float64[np.ndarray, " split"]) -> float:
    """Return half the width of the 95 % interval of the mean difference; nan of one split.

    >>> round(half_interval(np.array([0.1, 0.2, 0.3])), 3)
    0.248
    """
    if len(differences) < 2:
        return math.nan
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return float(t.ppf((1 + _CONFIDENCE) / 2, len(differences) - 1) * error)


def _gain(row: Row, other: Row | None) -> str:
    """Return a mean difference with its interval, over the splits that both rows have."""
    splits = [] if other is None else [split for split in row.splits if split in other.splits]
    if other is None or not splits:
        return ""
    differences = np.array([row.mean_of(split) - other.mean_of(split) for split in splits])
    half = half_interval(differences)
    return _signed(float(differences.mean())) + ("" if math.isnan(half) else f" ± {_dice(half)}")


def _dice(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)
