"""From probabilities to the mask of a tissue image: threshold and smallest area of each organ, never an empty mask.

One threshold does not serve all organs: those of the leading teams of "Hacking the Human Body" (2022) range from 0.06
(lung) to 0.6. Every image of that competition holds a unit, so an empty mask is always wrong: the threshold is lowered
until something is found. Areas are in µm² because pixel sizes differ by a factor of 27.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int32, Int64

from hpa.core.errors import InputError

_STEP = 0.9
"""Factor by which the threshold is lowered at a time."""
_LOWEST_SHARE = 0.01
"""Share of the threshold below which a mask is what is most probable, however small."""


@dataclass(frozen=True)
class OrganThreshold:
    """How masks of one organ are made.

    Attributes:
        threshold: A pixel belongs to a unit from this probability on.
        min_area_um2: Smaller connected units are dropped.
    """

    threshold: float
    min_area_um2: float

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or self.min_area_um2 < 0:
            raise InputError(
                f"an organ needs 0 < threshold <= 1 and min_area_um2 >= 0; came {self.threshold} and "
                f"{self.min_area_um2}."
            )


@dataclass(frozen=True)
class TissueThresholds:
    """How masks of every organ are made.

    Attributes:
        organs: For each organ that was fitted its own.
        otherwise: For all others.
    """

    organs: Mapping[str, OrganThreshold]
    otherwise: OrganThreshold

    def mask(
        self, probabilities: Float[np.ndarray, "height width"], image_id: str, organ: str, pixel_um: float
    ) -> Bool[np.ndarray, "height width"]:
        """Return the mask of an image; it is never empty.

        Raises:
            InputError: If a probability is no number.
        """
        del image_id  # the organ decides
        return mask_at(probabilities, self.organs.get(organ, self.otherwise), pixel_um)


def mask_at(
    probabilities: Float[np.ndarray, "height width"], rule: OrganThreshold, pixel_um: float
) -> Bool[np.ndarray, "height width"]:
    """Return the units of an image: at the rule's threshold, or the highest below it at which one is large enough.

    Where none is at any, the most probable pixels are the mask.

    Raises:
        InputError: If a probability is no number, or the pixel size is not positive.
    """
    highest = float(probabilities.max())
    if not np.isfinite(highest) or not pixel_um > 0:
        raise InputError(
            f"masks need finite probabilities and a pixel size above 0 µm; the highest is {highest}, pixels are of "
            f"{pixel_um} µm. Give data.pixel_um where the table has none."
        )
    min_px = rule.min_area_um2 / pixel_um**2
    threshold = rule.threshold
    while threshold > _LOWEST_SHARE * rule.threshold:
        if threshold <= highest:
            units, areas_px = _units(probabilities >= threshold)
            kept = areas_px >= min_px
            if kept.any():
                return np.concatenate([[False], kept])[units]
        threshold *= _STEP
    return probabilities >= highest


class OrganThresholdFit:
    """Finds for each organ the threshold and the smallest area with the best mean Dice, by a grid.

    Give it predictions of networks that did not train on the image (out of fold), image by image: only a small table an
    image is kept. What serves all organs counts in the choice for each, like some images more: two images alone would
    choose what fits them and nothing else.

    Args:
        thresholds: Probabilities to try.
        min_areas_um2: Areas to try.
        shared_images: How many images of an organ the mean over all images weighs as much as, >= 0; 0 fits each organ
            to its own images alone.

    Raises:
        InputError: If there is nothing to try, or a number is out of range.
    """

    def __init__(self, thresholds: Sequence[float], min_areas_um2: Sequence[float], shared_images: float) -> None:
        if not thresholds or not min_areas_um2:
            raise InputError("thresholds and min_areas_um2 need one number or more to try each.")
        if not 0 <= shared_images < float("inf"):
            raise InputError(f"thresholds.shared_images must be finite and 0 or more, not {shared_images}.")
        self.shared_images = shared_images
        # those nearest to one half and the smallest areas first: the first of equally good ones is taken
        self._rules = [
            [OrganThreshold(threshold, area) for area in sorted(min_areas_um2)]
            for threshold in sorted(thresholds, key=lambda value: (abs(value - 0.5), value))
        ]
        self._dice: dict[str, list[Float[np.ndarray, "threshold area"]]] = {}

    def add(
        self,
        probabilities: Float[np.ndarray, "height width"],
        truth: Bool[np.ndarray, "height width"],
        organ: str,
        pixel_um: float,
    ) -> None:
        """Take one image in.

        Raises:
            InputError: As `mask_at`.
        """
        table = [self._dice_of(probabilities, truth, rules, pixel_um) for rules in self._rules]
        self._dice.setdefault(organ, []).append(np.array(table))

    def fitted(self) -> TissueThresholds:
        """Return what serves the images best that were taken in.

        Raises:
            InputError: If there were none.
        """
        if not self._dice:
            raise InputError("thresholds are fitted on predictions of images with masks; none was given.")
        return TissueThresholds(
            {organ: self._rule(self._best(organ)) for organ in sorted(self._dice)}, self._rule(_highest(self._of_all()))
        )

    def mean_dice(self, organ: str) -> float:
        """Return the mean Dice of an organ's images at what is fitted for them (hence a little too good)."""
        return float(np.mean(self._dice[organ], axis=0)[self._best(organ)])

    def _best(self, organ: str) -> tuple[int, int]:
        """Return the indices in the grid of what serves an organ best, the mean of all organs counted in."""
        own = self._dice[organ]
        return _highest(np.sum(own, axis=0) + self.shared_images * self._of_all())

    def _of_all(self) -> Float[np.ndarray, "threshold area"]:
        return np.mean([table for tables in self._dice.values() for table in tables], axis=0)

    def _rule(self, place: tuple[int, int]) -> OrganThreshold:
        return self._rules[place[0]][place[1]]

    def _dice_of(
        self,
        probabilities: Float[np.ndarray, "height width"],
        truth: Bool[np.ndarray, "height width"],
        rules: list[OrganThreshold],
        pixel_um: float,
    ) -> list[float]:
        """Return Dice at one threshold for each smallest area, counted on units; painted only where none is left."""
        units, areas_px = _units(probabilities >= rules[0].threshold)
        shared_px = np.bincount(units[truth], minlength=len(areas_px) + 1)[1:]
        true_px = int(truth.sum())
        scores = []
        for rule in rules:
            kept = areas_px * pixel_um**2 >= rule.min_area_um2
            predicted_px, both_px = int(areas_px[kept].sum()), int(shared_px[kept].sum())
            if not kept.any():
                mask = mask_at(probabilities, rule, pixel_um)
                predicted_px, both_px = int(mask.sum()), int((mask & truth).sum())
            scores.append(2 * both_px / (predicted_px + true_px))
        return scores


def _units(
    mask: Bool[np.ndarray, "height width"],
) -> tuple[Int32[np.ndarray, "height width"], Int64[np.ndarray, " unit"]]:
    """Return the connected parts of a mask (corners included), numbered from 1, and their areas in px."""
    count, units = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return units, np.bincount(units.ravel(), minlength=count)[1:].astype(np.int64)


def _highest(table: Float[np.ndarray, "threshold area"]) -> tuple[int, int]:
    """Return the indices of the highest number, the first of equal ones."""
    row, column = np.unravel_index(np.argmax(table), table.shape)
    return int(row), int(column)
