"""Members joined cell by cell: networks, folds, views or channels that each say something of the same fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellPrediction, FieldPredictor, SegmentedField

Stacked = Float[Tensor, "member row class"]
Weights = Float64[Tensor, "member weighted_class"]
"""One column for all classes, or one a class."""
Join = Callable[[Stacked, Weights], Float[Tensor, "row class"]]


class MeanEnsemble:
    """Weighted arithmetic mean of the members' probabilities.

    Features of a cell are the members' features side by side. Members without a view of the whole image are left out of
    the image probabilities. Members that see different channels are joined so in the 000 system of the HPA single-cell
    competition (2021).

    Args:
        members: What is asked, one after the other.
        weights: One positive weight a member, or None for equal weights; only their ratios matter.

    Raises:
        InputError: If there is no member, or the weights do not fit.
    """

    def __init__(self, members: Sequence[FieldPredictor], weights: Sequence[float] | None) -> None:
        self._members = tuple(members)
        self._weights = given_weights(weights, len(self._members))

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one joined prediction a field.

        Raises:
            InputError: If the members differ in their number of classes.
        """
        return predict_jointly(self._members, self._weights, fields, arithmetic_mean, arithmetic_mean)

    def join(self, probabilities: Stacked) -> Float[Tensor, "row class"]:
        """Return what the members' probabilities of the same cells amount to."""
        return arithmetic_mean(probabilities, self._weights)


class GeometricEnsemble:
    """Weighted geometric mean of the members' probabilities: high only where all members agree.

    Features and image probabilities as in `MeanEnsemble`.

    Args:
        members: What is asked, one after the other.
        weights: One positive weight a member, or None for equal weights; only their ratios matter.

    Raises:
        InputError: If there is no member, or the weights do not fit.
    """

    def __init__(self, members: Sequence[FieldPredictor], weights: Sequence[float] | None) -> None:
        self._members = tuple(members)
        self._weights = given_weights(weights, len(self._members))

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one joined prediction a field.

        Raises:
            InputError: If the members differ in their number of classes.
        """
        return predict_jointly(self._members, self._weights, fields, _geometric_mean, _geometric_mean)

    def join(self, probabilities: Stacked) -> Float[Tensor, "row class"]:
        """Return what the members' probabilities of the same cells amount to."""
        return _geometric_mean(probabilities, self._weights)


def given_weights(weights: Sequence[float] | None, member_count: int) -> Float64[Tensor, "member 1"]:
    """Return the weights as a tensor, equal where none are given.

    Raises:
        InputError: If there is no member, or not one positive number for each.
    """
    if member_count == 0:
        raise InputError("an ensemble needs at least one member; name a checkpoint: ckpt=RUN.")
    given = torch.ones(member_count).double() if weights is None else torch.tensor(list(weights)).double()
    if len(given) != member_count or not bool((given > 0).all() and given.isfinite().all()):
        raise InputError(
            f"ensemble.weights must be null or hold one positive number for each of the {member_count} members; "
            f"came {given.tolist()}. Leave out a member rather than give it no weight."
        )
    return given[:, None]


def predict_jointly(
    members: Sequence[FieldPredictor],
    weights: Weights,
    fields: Sequence[SegmentedField],
    join: Join,
    join_images: Join,
) -> list[CellPrediction]:
    """Ask every member about all fields, then join what they say of each.

    Raises:
        InputError: If the members differ in their number of classes.
    """
    answers = [member.predict(fields) for member in members]
    return [_joined(answers_of_field, weights, join, join_images) for answers_of_field in zip(*answers, strict=True)]


def arithmetic_mean(probabilities: Stacked, weights: Weights) -> Float[Tensor, "row class"]:
    """Return the weighted mean over members; in double precision, so that their order does not show."""
    shares = weights / weights.sum(dim=0)
    mean = (probabilities.double() * shares[:, None, :]).sum(dim=0)
    return mean.to(probabilities.dtype)


def _geometric_mean(probabilities: Stacked, weights: Weights) -> Float[Tensor, "row class"]:
    """Return the weighted geometric mean over members; 0 where any member says 0."""
    return arithmetic_mean(probabilities.double().log(), weights).exp().to(probabilities.dtype)


def _joined(answers: Sequence[CellPrediction], weights: Weights, join: Join, join_images: Join) -> CellPrediction:
    """Return one prediction of a field from its members' predictions."""
    shapes = {tuple(answer.probabilities.shape) for answer in answers}
    if len(shapes) > 1:
        raise InputError(
            f"the members of an ensemble must predict the same cells and classes; their (cell, class) sizes are "
            f"{sorted(shapes)}. Join only checkpoints trained on the same classes."
        )
    images = [answer.image_probabilities for answer in answers if answer.image_probabilities is not None]
    has_image = torch.tensor([answer.image_probabilities is not None for answer in answers])
    return CellPrediction(
        join(torch.stack([answer.probabilities for answer in answers]), weights),
        torch.cat([answer.features for answer in answers], dim=1),
        join_images(torch.stack(images), weights[has_image]) if images else None,
    )
