"""Label smoothing (Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, 2016, arXiv:1512.00567) around any loss.

An image label is wrong for some of its cells and missing for others; with smoothed targets the network is not driven to
memorise those.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import Loss


class SmoothedLoss(nn.Module):
    """The loss of targets moved towards 1/2: y becomes y (1 - smoothing) + smoothing / 2; with 0 it is its part.

    Args:
        part: The loss.
        smoothing: In [0, 1); 0.1 in the paper.

    Raises:
        InputError: If `smoothing` is out of its range.
    """

    def __init__(self, part: Loss, smoothing: float) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise InputError(f"loss.smoothing must lie in [0, 1), not {smoothing}; the paper takes 0.1.")
        self.part = part
        self.smoothing = smoothing

    def forward(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the part's loss."""
        return self.part(logits, targets * (1 - self.smoothing) + self.smoothing / 2, weights)
