"""Dice of tissue masks, image by image, then the mean: every image weighs the same, however much tissue it shows.

Dice = 2|X ∩ Y| / (|X| + |Y|) of the pixels X predicted and Y true (Dice, Ecology 26:297, 1945), averaged over images
as in the competition "Hacking the Human Body" (Jain et al., Nature Communications 14:4656, 2023); pooling the pixels of
all images first would be another measure. The interval of the mean is a bootstrap over
images (Efron, Annals of Statistics 7:1, 1979). Where neither mask has a pixel they agree, and Dice is 1 (there,
every image shows some tissue unit); where one of them has none, it is 0. Masks of tables are never painted: pixels are
counted on their runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from hpa.core.run_lengths import Runs

_BOOTSTRAP_ROUNDS = 2_000
_BOOTSTRAP_SEED = 0
_INTERVAL_PERCENT = 95.0


@dataclass(frozen=True)
class ImageDice:
    """Dice of one image, in [0, 1], and the organ it shows."""

    image_id: str
    organ: str
    dice: float


@dataclass(frozen=True)
class TissueScore:
    """All images, each once."""

    images: tuple[ImageDice, ...]

    @property
    def dice(self) -> float:
        """Return the mean over images; nan without any."""
        return _mean(self.images)

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the mean, by a bootstrap over images; (nan, nan) without any."""
        if not self.images:
            return math.nan, math.nan
        values = np.array([image.dice for image in self.images])
        draw = np.random.default_rng(_BOOTSTRAP_SEED)
        means = values[draw.integers(len(values), size=(_BOOTSTRAP_ROUNDS, len(values)))].mean(axis=1)
        edge = (100 - _INTERVAL_PERCENT) / 2
        low, high = np.percentile(means, [edge, 100 - edge])
        return float(low), float(high)

    @property
    def organs(self) -> dict[str, tuple[ImageDice, ...]]:
        """Return the images of each organ, organs in alphabetical order."""
        names = sorted({image.organ for image in self.images})
        return {name: tuple(image for image in self.images if image.organ == name) for name in names}

    @property
    def per_organ(self) -> dict[str, float]:
        """Return the mean over the images of each organ, in alphabetical order."""
        return {organ: _mean(images) for organ, images in self.organs.items()}


def dice_of(predicted: Runs, true: Runs) -> float:
    """Return Dice of two masks of one image, each given by sorted runs that do not overlap; 1 where both are empty.

    >>> one, other = ([np.array([n]) for n in (0, start, start + 10)] for start in (0, 5))
    >>> dice_of(Runs(*one), Runs(*other))
    0.5
    """
    pixels = int((predicted.stops - predicted.starts).sum() + (true.stops - true.starts).sum())
    shared = int((_pixels_before(true, predicted.stops) - _pixels_before(true, predicted.starts)).sum())
    return 2 * shared / pixels if pixels else 1.0


def dice_of_masks(predicted: Bool[np.ndarray, "height width"], true: Bool[np.ndarray, "height width"]) -> float:
    """Return Dice of two masks of one image; 1 where both are empty.

    >>> dice_of_masks(np.array([[True, True]]), np.array([[True, False]]))
    0.6666666666666666
    """
    pixels = int(predicted.sum() + true.sum())
    return 2 * int((predicted & true).sum()) / pixels if pixels else 1.0


def _pixels_before(runs: Runs, positions: Int64[np.ndarray, " position"]) -> Int64[np.ndarray, " position"]:
    """Return how many pixels of the runs lie before each position."""
    lengths = np.concatenate([[0], np.cumsum(runs.stops - runs.starts)])  # of the first 0, 1, 2, … runs
    stops = np.concatenate([[0], runs.stops])
    begun = np.searchsorted(runs.starts, positions, side="right")
    return lengths[begun] - np.maximum(stops[begun] - positions, 0)


def _mean(images: Sequence[ImageDice]) -> float:
    return math.fsum(image.dice for image in images) / len(images) if images else math.nan
