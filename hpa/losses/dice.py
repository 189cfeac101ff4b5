"""Soft Dice loss (Milletari, Navab and Ahmadi, 2016, arXiv:1606.04797), here with sums instead of squares.

It measures the overlap of whole planes, so that a small foreground in a large background weighs as much as a large one:
a smooth version of the score of tissue masks.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.losses.overlap import mean_of_images, soft_areas


class DiceLoss(nn.Module):
    """Mean over images and planes of 1 - (2 intersection + s) / (predicted + target + s), areas in px.

    Args:
        smoothing_px: The area s > 0: where the target is empty, a prediction smaller than this costs little, and an
            empty prediction nothing.

    Raises:
        InputError: If the area is not positive and finite.
    """

    def __init__(self, smoothing_px: float) -> None:
        super().__init__()
        if not 0 < smoothing_px < float("inf"):
            raise InputError(f"loss.smoothing_px must be positive and finite, not {smoothing_px}; 1 is usual.")
        self.smoothing_px = smoothing_px

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss."""
        areas = soft_areas(logits, targets)
        dice = (2 * areas.intersection + self.smoothing_px) / (areas.predicted + areas.target + self.smoothing_px)
        return mean_of_images(1 - dice)
