"""Asymmetric loss (Ridnik, Ben-Baruch, Zamir, Noy, Friedman, Protter and Zelnik-Manor, 2021, arXiv:2009.14119).

Negatives are focused more than positives, and very easy ones, as well as probably mislabelled ones, are cut off: suits
image labels, most of which not every cell shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.core.errors import InputError
from hpa.losses.reduction import WeightedMean, to_float32

# Below this shifted probability the power's slope is cut: that of 0^gamma is infinite for gamma < 1.
MIN_PROBABILITY = 1e-8


class AsymmetricLoss(nn.Module):
    """Mean of -y (1 - p)^gamma_positive log p - (1 - y) q^gamma_negative log(1 - q), with q = max(p - margin, 0).

    A soft target y in [0, 1] mixes the loss of a positive and of a negative: the expected loss if y is a probability.
    With both gammas and the margin 0 it is binary cross-entropy; with equal gammas and margin 0, focal loss.

    Args:
        gamma_positive: Focusing of the positives, >= 0; 0 in the paper.
        gamma_negative: Focusing of the negatives, >= 0; 4 in the paper.
        margin: Probability at or below which a negative costs nothing, in [0, 1); 0.05 in the paper.
        class_weights: A positive number for each class, or None.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(
        self,
        gamma_positive: float,
        gamma_negative: float,
        margin: float,
        class_weights: Sequence[float] | None,
    ) -> None:
        super().__init__()
        if not (gamma_positive >= 0 and gamma_negative >= 0):
            raise InputError(
                f"loss.gamma_positive and loss.gamma_negative must be 0 or more, not {gamma_positive} and "
                f"{gamma_negative}; the paper takes 0 and 4."
            )
        if not 0 <= margin < 1:
            raise InputError(f"loss.margin must lie in [0, 1), not {margin}; the paper takes 0.05, 0 switches it off.")
        self.gamma_positive = gamma_positive
        self.gamma_negative = gamma_negative
        self.margin = margin
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
        targets = targets.to(logits.dtype)
        positive = -(self.gamma_positive * logsigmoid(-logits)).exp() * logsigmoid(logits)
        return self.mean(targets * positive + (1 - targets) * self._negative(logits), weights)

    def _negative(self, logits: Float[Tensor, "row class"]) -> Float[Tensor, "row class"]:
        """Return the loss of each element as if it were a negative."""
        log_no = logsigmoid(-logits)
        if self.margin > 0:
            # log(1 - q) = log(min(1 - p + margin, 1)), from logarithms, since 1 - p is 0 for a saturated p.
            log_margin = torch.full_like(log_no, math.log(self.margin))
            log_no = torch.logaddexp(log_no, log_margin).clamp(max=0)
        shifted = (logits.sigmoid() - self.margin).clamp(min=MIN_PROBABILITY)
        return -shifted.pow(self.gamma_negative) * log_no
