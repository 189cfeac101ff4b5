"""Pools without weights: from the logits of the cells of a bag to the logits of the bag, packed, without padding.

`max`: a bag shows a class if one of its cells does, the standard assumption of multiple-instance learning (Dietterich,
Lathrop and Lozano-Perez, 1997); second place of the 2021 competition pooled 16 cells an image so. Only one cell of a
bag gets a gradient, so training starts slowly. `mean`: for images most of whose cells show the label; eighth place
trained on it and dropped the pool to classify single cells. `top_k`: the mean of the most confident cells, steadier
than one (Durand, Thome and Cord, 2016, WELDON). `log_sum_exp`: between mean and maximum (Pinheiro and Collobert, 2015,
arXiv:1411.6228). `noisy_or`: 1 - product of (1 - p), cells being independent (Pearl, 1988; Maron and Lozano-Perez,
1998); the gradient of every cell is proportional to its probability.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.supervision.bags import bag_log_sum_exp, bag_max, bag_mean, bag_sum, to_float32

SMALL_LOGIT = -15.0
"""Below it log(softplus(x)) equals x - exp(x) / 2 in double precision, and softplus would soon underflow."""
SMALL_SUM = -7.0
"""Below this logarithm of S, log(exp(S) - 1) is log S + S / 2 + S^2 / 24, with an error of S^4 / 2880 < 3e-16."""


class MaxPool(nn.Module):
    """Highest logit of each class."""

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        return bag_max(output.logits, bag_of_cell, bag_count)


class MeanPool(nn.Module):
    """Mean logit of each class."""

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        return bag_mean(output.logits, bag_of_cell, bag_count)


class TopKPool(nn.Module):
    """Mean of the k highest logits of each class; of all where a bag holds fewer.

    Args:
        k: Number of cells, >= 1; with 1 it is the maximum.

    Raises:
        InputError: If k is less than 1.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        if k < 1:
            raise InputError(f"supervision.pooling.k must be 1 or more, not {k}.")
        self.k = k

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        sizes = bag_of_cell.bincount(minlength=bag_count)
        chosen = _rank_in_bag(output.logits.detach(), bag_of_cell, sizes) < self.k
        return bag_sum(output.logits * chosen, bag_of_cell, bag_count) / sizes.clamp(max=self.k)[:, None]


class LogSumExpPool(nn.Module):
    """log(mean(exp(sharpness x logit))) / sharpness of each class.

    Args:
        sharpness: > 0; towards 0 it is the mean of the logits, towards infinity their maximum. 5 in the paper.

    Raises:
        InputError: If the sharpness is not positive.
    """

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        if not sharpness > 0:
            raise InputError(f"supervision.pooling.sharpness must be positive, not {sharpness}; 5 in the paper.")
        self.sharpness = sharpness

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        total = bag_log_sum_exp(self.sharpness * output.logits, bag_of_cell, bag_count)
        sizes = bag_of_cell.bincount(minlength=bag_count)[:, None]
        return (total - sizes.to(total.dtype).log()) / self.sharpness


class NoisyOrPool(nn.Module):
    """Logit of the probability that at least one cell of a bag shows the class.

    The product is never formed: logarithms keep a hundred improbable cells, and a hundred certain ones, finite in
    single precision.
    """

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        # With S = -sum of log(1 - p) = sum of softplus(logit), the odds of at least one are exp(S) - 1.
        return _log_expm1(bag_log_sum_exp(_log_softplus(to_float32(output.logits)), bag_of_cell, bag_count))


def _rank_in_bag(
    logits: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], sizes: Int[Tensor, " bag"]
) -> Int[Tensor, "cell class"]:
    """Return how many cells of its bag have a higher logit than each cell, class by class."""
    by_logit = logits.argsort(dim=0, descending=True)
    by_bag = bag_of_cell[by_logit].argsort(dim=0, stable=True)  # bags one after another, falling logits in each
    place = by_logit.gather(0, by_bag).argsort(dim=0)
    return place - (sizes.cumsum(0) - sizes)[bag_of_cell][:, None]


def _log_softplus(logits: Float[Tensor, "cell class"]) -> Float[Tensor, "cell class"]:
    # Each branch gets values on which its gradient is finite, also where the other one is used.
    low = logits.clamp(max=SMALL_LOGIT)
    high = softplus(logits.clamp(min=SMALL_LOGIT), threshold=40.0)  # torch's own 20 is too low for double precision
    return torch.where(logits < SMALL_LOGIT, low - low.exp() / 2, high.log())


def _log_expm1(log_sum: Float[Tensor, "bag class"]) -> Float[Tensor, "bag class"]:
    """Return log(exp(S) - 1) of log S."""
    low, high = log_sum.clamp(max=SMALL_SUM), log_sum.clamp(min=SMALL_SUM).exp()
    return torch.where(
        log_sum < SMALL_SUM, low + low.exp() / 2 + low.exp().square() / 24, high + (-torch.expm1(-high)).log()
    )
