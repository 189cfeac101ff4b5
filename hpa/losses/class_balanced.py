"""Class-balanced weights (Cui, Jia, Lin, Song and Belongie, 2019, arXiv:1901.05555) around any loss.

The hundredth example of a class adds less than the first; the effective number of n examples is (1 - beta^n) / (1 -
beta), and a class is weighted by its inverse. Between beta 0 (all alike) and 1 (inverse frequency).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import Loss
from hpa.losses.reduction import positive_row, require_class_count


class ClassBalancedLoss(nn.Module):
    """The part's loss, its elements times the weights of their classes, whose mean is 1; with beta 0 it is its part.

    Args:
        part: The loss.
        counts: Examples of each class in the training set, more than 0.
        beta: In [0, 1); 0.9 to 0.9999 in the paper.

    Raises:
        InputError: If a number is out of its range.
    """

    class_weights: Tensor

    def __init__(self, part: Loss, counts: Sequence[int], beta: float) -> None:
        super().__init__()
        if not 0 <= beta < 1:
            raise InputError(f"loss.beta must lie in [0, 1), not {beta}; the paper takes 0.9 to 0.9999.")
        self.part = part
        numbers = positive_row("counts", [float(count) for count in counts])
        # 1 - beta^n by way of logarithms: exact for beta near 1, and 1 for beta 0.
        rarity = (1 - beta) / -torch.expm1(numbers.double() * torch.tensor(beta, dtype=torch.float64).log())
        self.register_buffer("class_weights", (rarity / rarity.mean()).float(), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the part's loss.

        Raises:
            InputError: If there are not as many counts as classes.
        """
        require_class_count("counts", self.class_weights, logits.shape[1])
        balanced = self.class_weights.expand(logits.shape)
        return self.part(logits, targets, balanced if weights is None else balanced * weights)
