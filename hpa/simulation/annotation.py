"""How an annotator of images errs: classes that are missed, invented, or left out together, with known rates.

Rates are those of noise models for binary labels (Natarajan et al., NeurIPS 2013): of the images that show a class, the
share without its label; of those that do not show it, the share with its label. Real omissions are not independent: who
names the main pattern of an image and stops misses all others at once (`main_only`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpa.core.errors import InputError

_TRIES = 1000


@dataclass(frozen=True)
class AnnotationNoise:
    """Rates of an annotator, one a class.

    Attributes:
        false_negative_rate: Probability that a class which an image shows is not among its labels.
        false_positive_rate: Probability that a class which it does not show is among them.
        main_only: Probability that only the main class is named, whatever else the image shows.

    Raises:
        InputError: If a rate is no probability, or one of 1 would leave nothing certain.
    """

    false_negative_rate: tuple[float, ...]
    false_positive_rate: tuple[float, ...]
    main_only: float = 0.0

    def __post_init__(self) -> None:
        rates = [*self.false_negative_rate, *self.false_positive_rate, self.main_only]
        if not all(0 <= rate < 1 for rate in rates):
            raise InputError(f"rates of label noise lie from 0 to below 1, came {sorted(set(rates))}.")
        if len(self.false_negative_rate) != len(self.false_positive_rate):
            raise InputError("label noise needs one false-negative and one false-positive rate a class.")

    @classmethod
    def none(cls, classes: int) -> AnnotationNoise:
        """Return the noise of an annotator who makes no error."""
        return cls((0.0,) * classes, (0.0,) * classes)

    def labels(self, rng: np.random.Generator, shown: Sequence[int]) -> list[int]:
        """Return the labels of an image, main class first.

        No image is without label: errors that would leave none are drawn again, so that the realised rate of images
        with a single class is a little below the given one.

        Args:
            rng: Source of randomness of this image's annotator.
            shown: Classes that it shows, main class first.
        """
        absent = [kind for kind in range(len(self.false_positive_rate)) if kind not in shown]
        for _ in range(_TRIES):
            seen = shown[:1] if rng.random() < self.main_only else shown
            kept = [kind for kind in seen if rng.random() >= self.false_negative_rate[kind]]
            labels = kept + [kind for kind in absent if rng.random() < self.false_positive_rate[kind]]
            if labels:
                return labels
        return list(shown[:1])
