"""The mean that every element-wise loss ends with, and the precision in which it is taken.

Targets are never NaN here: a supervision leaves out what is unknown before it calls its loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError


def to_float32(logits: Float[Tensor, "row class"]) -> Float[Tensor, "row class"]:
    """Return half-precision logits as float32 (their exponentials do not fit), others as they are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class WeightedMean(nn.Module):
    """Mean of a loss over rows and classes, each element times its weights; 0 where there are no rows.

    The sum is divided by the number of elements, not by the sum of weights: a class of weight 10 adds ten times its
    share, and an element of weight 0 counts as one without loss.

    Args:
        class_weights: A positive number for each class, or None for equal weights.

    Raises:
        InputError: If a weight is not positive and finite.
    """

    class_weights: Tensor | None

    def __init__(self, class_weights: Sequence[float] | None) -> None:
        super().__init__()
        self.register_buffer("class_weights", weight_row("class_weights", class_weights), persistent=False)

    def forward(
        self,
        elements: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean of the weighted elements.

        Raises:
            InputError: If there are not as many class weights as classes.
        """
        if self.class_weights is not None:
            require_class_count("class_weights", self.class_weights, elements.shape[1])
            elements = elements * self.class_weights
        if weights is not None:
            elements = elements * weights
        return elements.sum() / max(elements.numel(), 1)


def weight_row(name: str, values: Sequence[float] | None) -> Float[Tensor, " class"] | None:
    """Return the numbers of a config as a tensor, None for None.

    Raises:
        InputError: If a number is not positive and finite.
    """
    return None if values is None else positive_row(name, values)


def positive_row(name: str, values: Sequence[float]) -> Float[Tensor, " class"]:
    """Return the numbers of a config as a tensor.

    Raises:
        InputError: If a number is not positive and finite.
    """
    for position, value in enumerate(values):
        if not (math.isfinite(value) and value > 0):
            raise InputError(
                f"loss.{name}: number {position} is {value}; positive numbers are needed, one a class "
                "(to leave a class out, take it out of the data set)."
            )
    return torch.tensor([float(value) for value in values])


def require_class_count(name: str, values: Float[Tensor, " number"], class_count: int) -> None:
    """Make sure that a row of numbers has one for each class.

    Raises:
        InputError: If it has fewer or more.
    """
    if len(values) != class_count:
        raise InputError(
            f"loss.{name} holds {len(values)} numbers, the model has {class_count} classes; "
            f"give {class_count} numbers in the order of the classes, or null."
        )
