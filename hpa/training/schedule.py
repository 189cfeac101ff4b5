"""The learning rate over a run: linear warm-up, then half a cosine (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class WarmUpCosine:
    """Makes a schedule of a known length.

    Attributes:
        warm_up_share: Share of the steps that rise from zero.
        final_share: Share of the learning rate that is left at the end.
    """

    def __init__(self, warm_up_share: float, final_share: float) -> None:
        self.warm_up_share = warm_up_share
        self.final_share = final_share

    def factor(self, step: int, total_steps: int) -> float:
        """Return the factor on the learning rate at a step.

        >>> WarmUpCosine(0.1, 0.0).factor(50, 100) > WarmUpCosine(0.1, 0.0).factor(90, 100)
        True
        """
        warm_up_steps = max(1, round(self.warm_up_share * total_steps))
        if step < warm_up_steps:
            return (step + 1) / warm_up_steps
        done = min(1.0, (step - warm_up_steps) / max(1, total_steps - warm_up_steps))
        return self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done))

    def schedule(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:
        """Return the scheduler, to be stepped after every optimizer step."""
        return LambdaLR(optimizer, lambda step: self.factor(step, total_steps))


class Constant:
    """Keeps the learning rate."""

    def schedule(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:  # noqa: ARG002 - as every schedule
        """Return a scheduler that changes nothing."""
        return LambdaLR(optimizer, lambda _: 1.0)
