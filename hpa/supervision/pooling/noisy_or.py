"""An image shows a class unless none of its cells does, cells being independent: noisy-or.

P = 1 - product of (1 - p) (Pearl, 1988; for multiple-instance learning Maron and Lozano-Perez, 1998). Every cell is
taught, in proportion to its probability. The product is never formed: logarithms keep a hundred unlikely cells, and a
hundred certain ones, finite in single precision.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from hpa.interfaces import CellOutput
from hpa.supervision.pooling.packed import bag_log_sum_exp, to_float32

SMALL_LOGIT = -15.0
"""Below, log(softplus(x)) is x - exp(x) / 2 to double precision's comfort, and softplus would soon underflow."""
SMALL_SUM = -7.0
"""Below this logarithm of S, log(exp(S) - 1) is log S + S / 2 + S^2 / 24, with an error of S^4 / 2880 < 3e-16."""


class NoisyOrPool(nn.Module):
    """Logit of the probability that at least one cell of a bag shows the class."""

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        # With S = -sum of log(1 - p) = sum of softplus(logit), the odds of at least one are exp(S) - 1.
        return _log_expm1(bag_log_sum_exp(_log_softplus(to_float32(output.logits)), bag_of_cell, bag_count))


def _log_softplus(logits: Float[Tensor, "cell class"]) -> Float[Tensor, "cell class"]:
    # Each branch is given values on which its gradient is finite, also where the other one is taken.
    low = logits.clamp(max=SMALL_LOGIT)
    high = softplus(logits.clamp(min=SMALL_LOGIT), threshold=40.0)  # torch's own 20 is too low for double precision
    return torch.where(logits < SMALL_LOGIT, low - low.exp() / 2, high.log())


def _log_expm1(log_sum: Float[Tensor, "bag class"]) -> Float[Tensor, "bag class"]:
    """Return log(exp(S) - 1) of log S."""
    low, high = log_sum.clamp(max=SMALL_SUM), log_sum.clamp(min=SMALL_SUM).exp()
    return torch.where(
        log_sum < SMALL_SUM, low + low.exp() / 2 + low.exp().square() / 24, high + (-torch.expm1(-high)).log()
    )
