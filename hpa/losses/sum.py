"""A weighted sum of named losses, composed by config.

As shipped it is the sum that won the competition (Le et al., Nature Methods 19:1221, 2022): focal loss, which looks at
each element, symmetric Lovász hinge, which looks at whole classes, and hard-log, which looks at the worst errors.
Losses of pixels are added in the same way (`loss=pixel_sum`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import Loss, PixelLoss


class SumLoss(nn.Module):
    """Sum of parts, each times its weight.

    Args:
        parts: Losses by name, all of rows and classes or all of pixels.
        weights: Their weights by the same names, finite and 0 or more; a part of weight 0 is not computed.

    Raises:
        InputError: If names differ, a weight is out of its range, or all are 0.
    """

    def __init__(self, parts: Mapping[str, Loss] | Mapping[str, PixelLoss], weights: Mapping[str, float]) -> None:
        super().__init__()
        if parts.keys() != weights.keys():
            raise InputError(
                f"loss.parts names {', '.join(parts)}, loss.weights {', '.join(weights)}; give one weight to each part."
            )
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights.values()) or not any(weights.values()):
            raise InputError(f"loss.weights must be 0 or more, one of them above 0, not {dict(weights)}.")
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}
        self.parts = nn.ModuleDict({name: cast("nn.Module", parts[name]) for name in self.weights})

    def forward(
        self,
        logits: Float[Tensor, "*axes"],
        targets: Float[Tensor, "*axes"],
        weights: Float[Tensor, "*axes"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the weighted sum; losses of pixels take no `weights` of elements."""
        given = (logits, targets) if weights is None else (logits, targets, weights)
        losses = [self.weights[name] * part(*given) for name, part in self.parts.items()]
        return torch.stack(losses).sum()
