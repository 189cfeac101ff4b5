"""Members joined by the order in which they put cells, not by their numbers.

A network trained with focal loss says .3 where another says .9; the mean would follow the louder. The score of the
competition asks for the order alone (Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.inference.ensemble import Stacked, Weights, arithmetic_mean, given_weights, predict_jointly
from hpa.inference.held_out import HeldOut
from hpa.inference.quantiles import QuantileScale
from hpa.interfaces import CellPrediction, FieldPredictor, SegmentedField


class RankEnsemble:
    """Weighted mean of the members' ranks, each among its own held-out cells, told as a probability again.

    The probability is the members' weighted mean of what each would say at the mean rank: it rises with the rank, so
    that the order of the ranks is kept, and an ensemble of one is its member. Ranks do not depend on which cells or
    images are predicted together. Members may have held out different cells. Features are the members' side by side;
    image probabilities, which have no held-out ranks, are averaged as they are.

    Args:
        members: What is asked, one after the other.
        weights: One positive weight a member, or None for equal weights; only their ratios matter.

    Raises:
        InputError: If there is no member, or the weights do not fit.
    """

    needs_held_out = True

    def __init__(self, members: Sequence[FieldPredictor], weights: Sequence[float] | None) -> None:
        self._members = tuple(members)
        self._weights = given_weights(weights, len(self._members))
        self._scales: tuple[QuantileScale, ...] = ()

    def learn(self, held_out: Sequence[HeldOut]) -> None:
        """Take each member's ranks from what it said of its held-out cells."""
        self._scales = tuple(QuantileScale(member.probabilities) for member in held_out)

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one joined prediction a field; `learn` comes first.

        Raises:
            InputError: If the members differ in their number of classes.
        """
        return predict_jointly(self._members, self._weights, fields, self._mean_of_ranks, arithmetic_mean)

    def join(self, probabilities: Stacked) -> Float[Tensor, "row class"]:
        """Return what the members' probabilities of the same cells amount to."""
        return self._mean_of_ranks(probabilities, self._weights)

    def _mean_of_ranks(self, probabilities: Stacked, weights: Weights) -> Float[Tensor, "row class"]:
        pairs = zip(self._scales, probabilities, strict=True)
        ranks = torch.stack([scale.quantiles(of_member) for scale, of_member in pairs])
        mean = arithmetic_mean(ranks, weights)
        told = torch.stack([scale.probabilities(mean) for scale in self._scales])
        return arithmetic_mean(told, weights).to(probabilities.dtype)
