"""Logit adjustment (Menon, Jayasumana, Rawat, Jain, Veit and Kumar, 2021, arXiv:2007.07314) around any loss.

The prior of a class, its frequency, is added to the logit in training alone: the network learns how much more probable
the image makes the class, and rare classes are not pushed below frequent ones. The paper states it for the softmax;
here each class has a sigmoid of its own, so the log odds of its frequency are added.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import Loss
from hpa.losses.reduction import positive_row, require_class_count


class LogitAdjustedLoss(nn.Module):
    """The part's loss of logits plus temperature times the log odds of each class; with 0 it is its part.

    Args:
        part: The loss.
        counts: Examples of each class in the training set, more than 0 and fewer than `total`.
        total: Examples in the training set.
        temperature: 1 in the paper; 0 switches the adjustment off.

    Raises:
        InputError: If a number is out of its range.
    """

    log_odds: Tensor

    def __init__(self, part: Loss, counts: Sequence[int], total: int, temperature: float) -> None:
        super().__init__()
        if not max(counts) < total:
            raise InputError(f"loss.counts must be smaller than loss.total, {total}; the largest is {max(counts)}.")
        if not temperature >= 0:
            raise InputError(f"loss.temperature must be 0 or more, not {temperature}; the paper takes 1.")
        self.part = part
        self.temperature = temperature
        share = positive_row("counts", [float(count) for count in counts]) / total
        self.register_buffer("log_odds", share.logit(), persistent=False)

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
        require_class_count("counts", self.log_odds, logits.shape[1])
        return self.part(logits + self.temperature * self.log_odds, targets, weights)
