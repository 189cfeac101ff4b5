"""Tversky loss (Salehi, Erdogmus and Gholipour, 2017, arXiv:1706.05721): Dice with a weight for each kind of error.

False negatives may cost more than false positives: tissue units in the stain of another lab are mostly missed. With
both weights 1/2 it is soft Dice, with both 1 the Jaccard index.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.losses.overlap import mean_of_images, soft_areas


class TverskyLoss(nn.Module):
    """Mean over images and planes of 1 - (TP + s) / (TP + a FP + b FN + s), areas in px.

    Args:
        false_positive_weight: The weight a, >= 0; 0.3 in the paper.
        false_negative_weight: The weight b, >= 0; 0.7 in the paper.
        smoothing_px: The area s > 0.

    Raises:
        InputError: If a number is out of its range, or both weights are 0.
    """

    def __init__(self, false_positive_weight: float, false_negative_weight: float, smoothing_px: float) -> None:
        super().__init__()
        total = false_positive_weight + false_negative_weight
        if not (false_positive_weight >= 0 and false_negative_weight >= 0 and 0 < total < float("inf")):
            raise InputError(
                "loss.false_positive_weight and loss.false_negative_weight must be 0 or more, finite and not both 0, "
                f"came {false_positive_weight} and {false_negative_weight}; the paper takes 0.3 and 0.7."
            )
        if not 0 < smoothing_px < float("inf"):
            raise InputError(f"loss.smoothing_px must be positive and finite, not {smoothing_px}; 1 is usual.")
        self.false_positive_weight = false_positive_weight
        self.false_negative_weight = false_negative_weight
        self.smoothing_px = smoothing_px

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss."""
        areas = soft_areas(logits, targets)
        false_positives = areas.predicted - areas.intersection
        false_negatives = areas.target - areas.intersection
        errors = self.false_positive_weight * false_positives + self.false_negative_weight * false_negatives
        correct = areas.intersection + self.smoothing_px
        return mean_of_images(1 - correct / (correct + errors))
