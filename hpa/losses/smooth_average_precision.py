"""Smooth average precision (Brown, Xie, Kalogeiton and Zisserman, 2020, arXiv:2007.12163): it optimises the ranking.

The competition's score is the mean average precision: only the order of the rows within a class counts. The loss is one
minus the average precision of the batch's rows, each comparison of two logits smoothed to a sigmoid. It does not
depend on how high logits are, so it is used beside a loss that does (`loss=sum`).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.losses.reduction import to_float32


class SmoothAveragePrecisionLoss(nn.Module):
    """Mean of one minus the smoothed average precision over the classes that have positives; 0 where none has.

    A soft target y counts as y of a positive. Weights act within a class: an element of weight w counts as w elements,
    one of weight 0 is left out of the ranking.

    Args:
        temperature: Width of the sigmoid that smooths a comparison, in units of the logits, > 0; towards 0 the loss
            becomes exact and its gradient vanishes. The paper takes 0.01 on cosines in [-1, 1].

    Raises:
        InputError: If the temperature is not positive.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        if not temperature > 0:
            raise InputError(f"loss.temperature must be positive, not {temperature}.")
        self.temperature = temperature

    def forward(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss."""
        logits = to_float32(logits)
        count = torch.ones_like(logits) if weights is None else weights.to(logits.dtype)
        positive = count * targets.to(logits.dtype)
        # (row, other, class): how far the other row stands above, 1 for the row itself.
        above = ((logits[None] - logits[:, None]) / self.temperature).sigmoid()
        above = above.where(~torch.eye(len(logits), dtype=torch.bool, device=logits.device)[:, :, None], 1.0)
        tiny = torch.finfo(logits.dtype).tiny
        precision = (above * positive).sum(dim=1) / (above * count).sum(dim=1).clamp(min=tiny)
        total = positive.sum(dim=0)
        average = (precision * positive).sum(dim=0) / total.clamp(min=tiny)
        has_positives = total > 0
        return ((1 - average) * has_positives).sum() / has_positives.sum().clamp(min=1)
