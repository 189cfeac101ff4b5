"""Rates of label noise as a config gives them: one number for all classes, or one a class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError


def rates_of(name: str, values: float | Sequence[float]) -> Float[Tensor, " class_or_one"]:
    """Return rates as a row that broadcasts over classes.

    Raises:
        InputError: If a rate does not lie in (0, 1).
    """
    row = [float(value) for value in (values if isinstance(values, Sequence) else [values])]
    if not row or not all(0 < value < 1 for value in row):
        raise InputError(f"supervision.{name} must lie between 0 and 1 (one number, or one a class), not {values}.")
    return torch.tensor(row)


def require_rates(name: str, rates: Float[Tensor, " class_or_one"], class_count: int) -> None:
    """Make sure that rates serve so many classes.

    Raises:
        InputError: If there are several, but not one a class.
    """
    if len(rates) not in (1, class_count):
        raise InputError(
            f"supervision.{name} holds {len(rates)} numbers, the model has {class_count} classes; "
            f"give one number, or {class_count} in the order of the classes."
        )
