"""Tversky loss (Salehi, Erdogmus and Gholipour, 2017, arXiv:1706.05721): Dice with a price for each kind of error.

What is missed may cost more than what is invented: tissue units of another laboratory's stain are mostly missed. With
both prices 1/2 it is soft Dice, with both 1 the Jaccard index.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.losses.overlap import mean_of_images, soft_areas


class TverskyLoss(nn.Module):
    """Mean over images and planes of 1 - (shared + s) / (shared + a invented + b missed + s), areas in px.

    Args:
        invented_price: The price a of said pixels that were not told, >= 0; 0.3 in the paper.
        missed_price: The price b of told pixels that were not said, >= 0; 0.7 in the paper.
        smoothing_px: The area s > 0.

    Raises:
        InputError: If a number is out of its range, or both prices are 0.
    """

    def __init__(self, invented_price: float, missed_price: float, smoothing_px: float) -> None:
        super().__init__()
        if not (invented_price >= 0 and missed_price >= 0 and 0 < invented_price + missed_price < float("inf")):
            raise InputError(
                "loss.invented_price and loss.missed_price must be 0 or more, finite and not both 0, came "
                f"{invented_price} and {missed_price}; the paper takes 0.3 and 0.7."
            )
        if not 0 < smoothing_px < float("inf"):
            raise InputError(f"loss.smoothing_px must be positive and finite, not {smoothing_px}; 1 is usual.")
        self.invented_price = invented_price
        self.missed_price = missed_price
        self.smoothing_px = smoothing_px

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss."""
        areas = soft_areas(logits, targets)
        errors = self.invented_price * (areas.said - areas.shared) + self.missed_price * (areas.told - areas.shared)
        right = areas.shared + self.smoothing_px
        return mean_of_images(1 - right / (right + errors))
