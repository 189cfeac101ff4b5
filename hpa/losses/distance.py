"""Loss of networks that predict a mask and depths (`model/target=distance`).

Depth is a regression (Naylor, Laé, Reyal and Walter, IEEE TMI 38:448, 2019), trained inside instances only: the
background, most of an image, would add nothing but zeros, which the mask holds already.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa.core.errors import InputError
from hpa.losses.reduction import to_float32


class DistanceLoss(nn.Module):
    """Cross-entropy of the inside plus the mean absolute error of the depth inside, for planes (inside, depth).

    Each pixel's error counts by its target of the inside, so that edges of warped images count in part.

    Args:
        inside_weight: Weight of the cross-entropy, >= 0.
        depth_weight: Weight of the error of the depth, >= 0.

    Raises:
        InputError: If a weight is negative or infinite, or both are 0.
    """

    def __init__(self, inside_weight: float, depth_weight: float) -> None:
        super().__init__()
        if not (inside_weight >= 0 and depth_weight >= 0 and 0 < inside_weight + depth_weight < float("inf")):
            raise InputError(
                "loss.inside_weight and loss.depth_weight must be 0 or more, finite and not both 0, came "
                f"{inside_weight} and {depth_weight}."
            )
        self.inside_weight = inside_weight
        self.depth_weight = depth_weight

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss; 0 where there is no pixel.

        Raises:
            InputError: If there are not two planes.
        """
        if not logits.shape[1] == targets.shape[1] == 2:
            raise InputError(
                f"loss=distance compares two planes (inside, depth), came {logits.shape[1]} of the network and "
                f"{targets.shape[1]} of the target; write model/target=distance."
            )
        predicted = to_float32(logits.movedim(1, -1).flatten(0, 2))
        inside, depth = targets.movedim(1, -1).flatten(0, 2).to(predicted.dtype).unbind(dim=1)
        entropy = binary_cross_entropy_with_logits(predicted[:, 0], inside, reduction="sum") / max(len(predicted), 1)
        errors = (predicted[:, 1].sigmoid() - depth).abs() * inside
        return self.inside_weight * entropy + self.depth_weight * errors.sum() / inside.sum().clamp(min=1)
