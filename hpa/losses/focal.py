"""Focal loss (Lin, Goyal, Girshick, He and Dollar, 2017, arXiv:1708.02002): easy elements hardly count.

Of 19 locations a cell shows one or two; the many easy negatives would drown the rare positives.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.core.errors import InputError
from hpa.losses.reduction import WeightedMean, to_float32


class FocalLoss(nn.Module):
    """Mean of -y (1 - p)^gamma log p - (1 - y) p^gamma log(1 - p), the positives times alpha, the negatives 1 - alpha.

    A soft target y in [0, 1] mixes the loss of a positive and of a negative: the expected loss if y is a probability.
    With `gamma` 0 and `alpha` None it is binary cross-entropy.

    Args:
        gamma: Focusing, >= 0; 2 in the paper.
        alpha: Share of the positives in (0, 1), or None for no balancing; 0.25 in the paper.
        class_weights: A positive number for each class, or None.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, gamma: float, alpha: float | None, class_weights: Sequence[float] | None) -> None:
        super().__init__()
        if not gamma >= 0:
            raise InputError(f"loss.gamma must be 0 or more, not {gamma}; the paper takes 2.")
        if alpha is not None and not 0 < alpha < 1:
            raise InputError(f"loss.alpha must lie between 0 and 1, not {alpha}; null switches the balance off.")
        self.gamma = gamma
        self.alpha = alpha
        self.mean = WeightedMean(class_weights)

    def forward(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss.

        Raises:
            InputError: If there are not as many class weights as classes.
        """
        logits = to_float32(logits)
        log_yes, log_no = logsigmoid(logits), logsigmoid(-logits)
        # Powers are taken of logarithms: (1 - p)^gamma of a saturated p has no finite gradient for gamma < 1.
        positive = -(self.gamma * log_no).exp() * log_yes
        negative = -(self.gamma * log_yes).exp() * log_no
        if self.alpha is not None:
            positive, negative = self.alpha * positive, (1 - self.alpha) * negative
        targets = targets.to(logits.dtype)
        return self.mean(targets * positive + (1 - targets) * negative, weights)
