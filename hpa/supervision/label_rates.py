"""How often labels of images are wrong, class by class: given, or estimated from the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError

ESTIMATED = "estimated"
Rates = float | Sequence[float] | str
"""One number, one a class, or the word `estimated`."""
BOUND = 1e-3
"""Estimates stay so far from 0 and 1: no label is beyond doubt, and none is without any meaning."""


@dataclass(frozen=True)
class RatePrior:
    """What is assumed of the labels of a class before any image is seen: a Beta distribution.

    Attributes:
        share: Its mode, in (0, 1): of the images that truly have a class, how many lack its label, and of those that
            have the label, how many lack the class.
        images: How many images it is worth, > 0.

    Raises:
        InputError: If a number is out of its range.
    """

    share: float
    images: float

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and 0 < self.images < float("inf")):
            raise InputError(
                "supervision.prior: share must lie between 0 and 1 and images above 0; came "
                f"share={self.share}, images={self.images}."
            )

    def estimate(self, wrong: Float[Tensor, " class"], of: Float[Tensor, " class"]) -> Float[Tensor, " class"]:
        """Return the most probable share: the mode of the Beta distribution after these (expected) counts."""
        return (wrong + self.share * self.images) / (of + self.images)


def given_rates(name: str, values: Rates, class_count: int) -> Float[Tensor, " class_or_one"] | None:
    """Return rates as `class_rates` does, None where they are to be estimated.

    Raises:
        InputError: As `class_rates`, or if they are another word.
    """
    if not isinstance(values, str):
        return class_rates(name, values, class_count)
    if values != ESTIMATED:
        raise InputError(
            f"supervision.{name} must be {ESTIMATED}, or lie between 0 and 1 (one number, or one a class), not "
            f"{values!r}."
        )
    return None


def class_rates(name: str, values: float | Sequence[float], class_count: int) -> Float[Tensor, " class_or_one"]:
    """Return rates of label noise, one number or one a class, as a row that broadcasts over classes.

    Args:
        name: Key below `supervision`, for messages.
        values: In (0, 1).
        class_count: Number of classes.

    Raises:
        InputError: If a rate does not lie in (0, 1), or there are several, but not one a class.
    """
    row = [float(value) for value in (values if isinstance(values, Sequence) else [values])]
    if not row or not all(0 < value < 1 for value in row):
        raise InputError(f"supervision.{name} must lie between 0 and 1 (one number, or one a class), not {values}.")
    if len(row) not in (1, class_count):
        raise InputError(
            f"supervision.{name} holds {len(row)} numbers, the model has {class_count} classes; "
            f"give one number, or {class_count} in the order of the classes."
        )
    return torch.tensor(row)
