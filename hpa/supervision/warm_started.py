"""One strategy first, another after it, in one training: labels copied to cells before only bags are told.

A bag that is told as a whole teaches the cells its pool prefers, and a network that knows nothing yet prefers at
random, so bag losses learn late. Begun where the bag's label, copied to each of its members, leads (as mi-SVM begins:
Andrews, Tsochantaridis and Hofmann, NIPS 2002), they have something to prefer, at the same total number of epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Supervision, Unit


class WarmStartedSupervision(nn.Module):
    """The terms of one strategy for a share of the training, then those of another.

    Args:
        loss: Handed to both.
        start: Makes the first strategy.
        then: Makes the one that follows; what it remembers begins when it takes over.
        start_share: Share of the training that the first one has, in (0, 1).

    Raises:
        InputError: If the share is out of its range.
    """

    def __init__(
        self,
        loss: Loss,
        start: Callable[..., Supervision],
        then: Callable[..., Supervision],
        start_share: float,
    ) -> None:
        super().__init__()
        if not 0 < start_share < 1:
            raise InputError(
                f"supervision.start_share must lie between 0 and 1, not {start_share}; where one strategy has all of "
                "the training, choose it alone."
            )
        self.start = cast("nn.Module", start(loss=loss))
        self.then = cast("nn.Module", then(loss=loss))
        self.start_share = start_share

    @property
    def unit(self) -> Unit:
        """Whole images where either needs them, else cells."""
        return "image" if "image" in (self._strategy(0.0).unit, self._strategy(1.0).unit) else "cell"

    @property
    def bags_from(self) -> float:
        """Share of training after which images are kept together."""
        return self.start_share if self._strategy(0.0).unit == "cell" else 0.0

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms of the strategy whose turn it is; to each its own progress runs from 0 to 1."""
        first, share = progress < self.start_share, self.start_share
        own = progress / share if first else (progress - share) / (1 - share)
        return self._strategy(progress).terms(model, batch, own)

    def _strategy(self, progress: float) -> Supervision:
        return cast("Supervision", self.start if progress < self.start_share else self.then)
