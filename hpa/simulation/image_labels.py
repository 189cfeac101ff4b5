"""Which locations an image is labelled with: as the competition's table, with rare classes raised.

Images come in pairs. The second of a pair draws its main class by the frequencies of the real table (21,806 images,
Le et al., Nature Methods 19:1221, 2022); the first takes it from a shuffled deck of all 19, so that each 38 images of a
split hold every class at least once. Further classes are sampled by (tempered) frequency, as many as real images have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpa.core.classes import LOCATIONS, NEGATIVE_CLASS

TABLE_SHARE: tuple[float, ...] = (
    *(0.4034, 0.0502, 0.1124, 0.0579, 0.0653, 0.0822, 0.0355, 0.0847, 0.0442, 0.0464),
    *(0.0375, 0.0036, 0.0795, 0.1475, 0.0923, 0.0116, 0.2607, 0.0285, 0.0016),
)
"""Share of the real images that carry each class."""
CLASS_COUNT_SHARE: tuple[float, ...] = (0.4775, 0.4094, 0.1039, 0.0090, 0.0002)
"""Share of the real images that carry one, two, … five classes."""
_PARTNER_POWER = 0.8  # below 1: rare classes come as partners a little more often than in the table


@dataclass(frozen=True)
class ClassFrequencies:
    """How often images show each class, and how many at once.

    Attributes:
        share: Of the images, by class.
        count_share: Of the images with one, two, … classes.
        rare_are_raised: Whether every second image takes its main class from a deck of all classes.
    """

    share: tuple[float, ...] = TABLE_SHARE
    count_share: tuple[float, ...] = CLASS_COUNT_SHARE
    rare_are_raised: bool = True


RAISED = ClassFrequencies()


def image_classes(
    rng: np.random.Generator, deck_rng: np.random.Generator, index: int, frequencies: ClassFrequencies = RAISED
) -> list[int]:
    """Return the labels of image `index` of a split, main class first.

    Args:
        rng: Source of randomness of this image.
        deck_rng: Source of randomness of the deck this image lies in, see `deck_of`; fresh for each call.
        index: Number of the image in its split, from 0.
        frequencies: How often each class occurs.
    """
    shares = np.asarray(frequencies.share)
    counts = np.asarray(frequencies.count_share)
    if frequencies.rare_are_raised and index % 2 == 0:
        deck = deck_rng.permutation(len(LOCATIONS))
        main = int(deck[(index // 2) % len(LOCATIONS)])
    else:
        main = int(rng.choice(len(LOCATIONS), p=shares / shares.sum()))
    count = 1 + int(rng.choice(len(counts), p=counts / sum(frequencies.count_share)))
    if main == NEGATIVE_CLASS or count == 1:
        return [main]
    partners = shares**_PARTNER_POWER
    partners[[main, NEGATIVE_CLASS]] = 0
    others = rng.choice(len(LOCATIONS), size=count - 1, replace=False, p=partners / partners.sum())
    return [main, *(int(other) for other in others)]


def deck_of(index: int) -> int:
    """Return the number of the deck from which image `index` takes its main class."""
    return index // (2 * len(LOCATIONS))
