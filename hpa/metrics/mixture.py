"""What share of cells each type has, with an interval, and whether that fits the mixture that was designed.

Cells of one image are not independent (types grow in islands, images differ in light), so Wilson's interval (JASA
22:209, 1927), which takes every cell for a draw of its own, is too narrow. Images are: the interval to trust resamples
whole images (cluster bootstrap: Field and Welsh, J R Stat Soc B 69:369, 2007). Wilson's stands beside it, for the
difference between the two shows how strongly images differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float64, Int64

from hpa.core.errors import InputError

Interval = tuple[float, float]
MAX_RESAMPLES = 1_000_000
_MAX_DRAWN_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class TypeShare:
    """One type among the cells.

    Attributes:
        name: Of the type.
        count: Its cells.
        share: Of all cells.
        wilson: Interval as if every cell were independent.
        bootstrap: Interval over images; NaN where there is one image only.
        designed: Share by design, or None.
    """

    name: str
    count: int
    share: float
    wilson: Interval
    bootstrap: Interval
    designed: float | None

    @property
    def fits(self) -> bool | None:
        """Whether the designed share lies in the bootstrap interval; None where either is not known."""
        if self.designed is None or math.isnan(self.bootstrap[0]):
            return None
        return self.bootstrap[0] <= self.designed <= self.bootstrap[1]


def shares_of(
    counts: Int64[np.ndarray, "image type"],
    names: Sequence[str],
    designed: Sequence[float] | None,
    confidence: float,
    resamples: int,
    seed: int,
) -> list[TypeShare]:
    """Return the share of each type among the cells of all images.

    Args:
        counts: Cells of each type in each image.
        names: Of the types.
        designed: Parts of each type in the mixture, on any scale (50:50 or 1:1), or None.
        confidence: Of the intervals, e.g. 0.95.
        resamples: Draws of the bootstrap.
        seed: Of these draws.

    Raises:
        InputError: If there is no cell, or the arguments do not fit each other.
    """
    if not counts.sum():
        raise InputError("no cell was counted, so there is no proportion; check the result.")
    if not 0 < confidence < 1 or not 1 <= resamples <= MAX_RESAMPLES:
        raise InputError(
            f"confidence lies between 0 and 1, resamples are 1 to {MAX_RESAMPLES:,}; came {confidence}, {resamples}."
        )
    total, count_of = int(counts.sum()), counts.sum(axis=0)
    designed_shares = _normed(designed, names)
    drawn = bootstrap_shares(counts, resamples, seed)
    tail = 50 * (1 - confidence)
    low, high = (
        np.percentile(drawn, [tail, 100 - tail], axis=0) if len(counts) > 1 else np.full((2, len(names)), np.nan)
    )
    return [
        TypeShare(
            name,
            int(count_of[place]),
            float(count_of[place] / total),
            wilson_interval(int(count_of[place]), total, confidence),
            (float(low[place]), float(high[place])),
            designed_shares[place],
        )
        for place, name in enumerate(names)
    ]


def bootstrap_shares(
    counts: Int64[np.ndarray, "image type"], resamples: int, seed: int
) -> Float64[np.ndarray, "draw type"]:
    """Return the shares in sets of as many images, drawn with replacement; draws without any cell are left out."""
    images, random = len(counts), np.random.default_rng(seed)
    at_once = max(1, _MAX_DRAWN_AT_ONCE // images)
    sizes = [min(at_once, resamples - first) for first in range(0, resamples, at_once)]
    shares = np.full(images, 1 / images)
    drawn = np.concatenate([random.multinomial(images, shares, size=size) @ counts for size in sizes])  # (draw, type)
    totals = drawn.sum(axis=1, keepdims=True)
    return (drawn / np.maximum(totals, 1))[totals[:, 0] > 0]


def wilson_interval(successes: int, trials: int, confidence: float) -> Interval:
    """Return Wilson's score interval of a share.

    >>> [round(bound, 4) for bound in wilson_interval(5, 10, 0.95)]
    [0.2366, 0.7634]
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = share + z**2 / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def _normed(designed: Sequence[float] | None, names: Sequence[str]) -> Sequence[float | None]:
    if designed is None:
        return [None] * len(names)
    usable = all(math.isfinite(part) and part >= 0 for part in designed) and sum(designed) > 0
    if len(designed) != len(names) or not usable:
        raise InputError(
            f"the designed mixture needs one part, 0 or more, for each of {', '.join(names)}; came "
            f"{':'.join(f'{part:g}' for part in designed)}."
        )
    return [part / sum(designed) for part in designed]
