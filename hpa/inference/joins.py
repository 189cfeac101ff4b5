"""How the probabilities of an ensemble's members are combined (`ensemble=mean|geometric|rank`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from hpa.core.errors import InputError
from hpa.inference.cells.held_out import HeldOutCells
from hpa.inference.ensemble import Probabilities, Rows, Weights
from hpa.inference.quantiles import QuantileScale


class MeanJoin:
    """Weighted arithmetic mean of the members' probabilities.

    Members that see different channels are combined so in the 000 system of the HPA single-cell competition (2021).

    Args:
        member_count: Members; comes from the runs.
        weights: One positive weight a member, or None for equal weights; only their ratios matter.

    Raises:
        InputError: If there is no member, or the weights do not fit.
    """

    def __init__(self, member_count: int, weights: Sequence[float] | None) -> None:
        self._weights: Weights = member_weights(weights, member_count)

    def __call__(self, probabilities: Probabilities) -> Rows:
        """Return the means."""
        return arithmetic_mean(probabilities, self._weights)

    def of_images(self, probabilities: Probabilities, members: Bool[Tensor, " any_member"]) -> Rows:
        """Return the means over some members."""
        return arithmetic_mean(probabilities, self._weights[members])


class GeometricJoin:
    """Weighted geometric mean of the members' probabilities: high only where all members agree.

    Args:
        member_count: Members; comes from the runs.
        weights: One positive weight a member, or None for equal weights; only their ratios matter.

    Raises:
        InputError: If there is no member, or the weights do not fit.
    """

    def __init__(self, member_count: int, weights: Sequence[float] | None) -> None:
        self._weights: Weights = member_weights(weights, member_count)

    def __call__(self, probabilities: Probabilities) -> Rows:
        """Return the means; 0 where any member gives 0."""
        return geometric_mean(probabilities, self._weights)

    def of_images(self, probabilities: Probabilities, members: Bool[Tensor, " any_member"]) -> Rows:
        """Return the means over some members."""
        return geometric_mean(probabilities, self._weights[members])


class RankJoin:
    """Weighted mean of the members' ranks, each among its own held-out cells, as a probability again.

    A network trained with focal loss gives .3 where another gives .9; a mean of probabilities would follow the second.
    The score of the HPA competition depends on the order alone (Le et al., Nature Methods 19:1221, 2022). The
    probability is the members' weighted mean of what each gives at the mean rank: it rises with the rank, so that the
    order of the ranks is kept, and an ensemble of one is its member. Ranks do not depend on which cells or images are
    predicted together. Members may have held out different cells.

    Args:
        member_count: Members; comes from the runs.
        weights: One positive weight a member, or None for equal weights; only their ratios matter.

    Raises:
        InputError: If there is no member, or the weights do not fit.
    """

    needs_held_out = True

    def __init__(self, member_count: int, weights: Sequence[float] | None) -> None:
        self._weights: Weights = member_weights(weights, member_count)
        self._scales: tuple[QuantileScale, ...] = ()

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Take each member's ranks from its predictions of the cells it held out."""
        self._scales = tuple(QuantileScale(member.probabilities) for member in held_out)

    def __call__(self, probabilities: Probabilities) -> Rows:
        """Return the combined probabilities; `fit` comes first."""
        pairs = list(zip(self._scales, probabilities, strict=True))
        ranks = torch.stack([scale.quantiles(of_member) for scale, of_member in pairs])
        mean = arithmetic_mean(ranks, self._weights)
        at_mean = torch.stack([scale.probabilities(mean) for scale in self._scales])
        return arithmetic_mean(at_mean, self._weights).to(probabilities.dtype)

    def of_images(self, probabilities: Probabilities, members: Bool[Tensor, " any_member"]) -> Rows:
        """Return the means of the probabilities, which have no held-out ranks."""
        return arithmetic_mean(probabilities, self._weights[members])


def member_weights(weights: Sequence[float] | None, member_count: int) -> Float64[Tensor, "member 1"]:
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


def arithmetic_mean(probabilities: Probabilities, weights: Weights) -> Rows:
    """Return the weighted mean over members; in double precision, so that their order does not show."""
    shares = weights / weights.sum(dim=0)
    mean = (probabilities.double() * shares[:, None, :]).sum(dim=0)
    return mean.to(probabilities.dtype)


def geometric_mean(probabilities: Probabilities, weights: Weights) -> Rows:
    """Return the weighted geometric mean over members."""
    return arithmetic_mean(probabilities.double().log(), weights).exp().to(probabilities.dtype)
