"""Segmentation scores of label maps at ten thresholds of IoU, pooled over images and averaged over them.

Thresholds 0.50, 0.55 … 0.95 are those of COCO (Lin et al., ECCV 2014); what is counted at each, and the scores made of
the counts, stand in `hpa.core.matching`. An image without any cell in both maps is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from jaxtyping import Integer

from hpa.core.matching import MatchCounts, count_matches, overlaps_of

THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
SCORES: dict[str, Callable[[MatchCounts], float]] = {
    "ap": attrgetter("average_precision"),
    "pq": attrgetter("panoptic_quality"),
    "f1": attrgetter("f1"),
    "precision": attrgetter("precision"),
    "recall": attrgetter("recall"),
}
"""Scores that follow from the counts at one threshold, by their short names."""


@dataclass(frozen=True)
class ImageCounts:
    """One image.

    Attributes:
        at: Counts at each of `THRESHOLDS`.
        predicted: Predicted cells.
        true: True cells.
    """

    at: tuple[MatchCounts, ...]
    predicted: int
    true: int

    @property
    def has_cells(self) -> bool:
        """Whether there is any cell, predicted or true."""
        return self.predicted + self.true > 0


@dataclass(frozen=True)
class SegmentationScore:
    """All images.

    Attributes:
        images: Counts of the images that have cells in either map.
        left_out: How many images have no cell in either map.
    """

    images: tuple[ImageCounts, ...]
    left_out: int

    @property
    def pooled(self) -> tuple[MatchCounts, ...]:
        """Return the counts of all images together, at each threshold: every cell weighs the same."""
        nothing = MatchCounts(0, 0, 0, 0.0)
        return tuple(sum((image.at[index] for image in self.images), nothing) for index in range(len(THRESHOLDS)))

    def mean(self, score: str) -> tuple[float, ...]:
        """Return a score (a key of `SCORES`) averaged over images, at each threshold: every image weighs the same.

        nan where no image has cells.
        """
        value = SCORES[score]
        return tuple(_mean([value(image.at[index]) for image in self.images]) for index in range(len(THRESHOLDS)))

    @property
    def count_error(self) -> float:
        """Return (predicted cells - true cells) / true cells, of all images together; nan without a true cell."""
        true = sum(image.true for image in self.images)
        return sum(image.predicted - image.true for image in self.images) / true if true else math.nan

    @property
    def mean_count_error(self) -> float:
        """Return the mean absolute error of the number of cells per image."""
        return _mean([float(abs(image.predicted - image.true)) for image in self.images])


def count_image(
    predicted_map: Integer[np.ndarray, "height width"], true_map: Integer[np.ndarray, "true_height true_width"]
) -> ImageCounts:
    """Return the counts of one image.

    Raises:
        InputError: If the maps differ in size, or a number is negative.
    """
    iou = overlaps_of(predicted_map, true_map)
    return ImageCounts(tuple(count_matches(iou, threshold) for threshold in THRESHOLDS), *iou.shape)


def score_images(images: Sequence[ImageCounts]) -> SegmentationScore:
    """Return the score of images, those without any cell left out."""
    kept = tuple(image for image in images if image.has_cells)
    return SegmentationScore(kept, len(images) - len(kept))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
