"""Loss of networks that predict flows (Cellpose).

That of Stringer, Wang, Michaelos and Pachitariu (Nature Methods 18:100, 2021) as in their code (version 4,
`_loss_fn_seg`): half the mean squared error to five times the flow, plus the binary cross-entropy of being inside a
cell. Both are means over every pixel, the background with its flow of 0 too.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from hpa.core.errors import InputError
from hpa.core.flows import NETWORK_SCALE


class FlowLoss(nn.Module):
    """Squared error of two planes of flow and cross-entropy of the third, for planes (dy, dx, inside).

    Targets between 0 and 1 in the third plane (warped images have some) count as inside above one half.

    Args:
        flow_weight: Weight of the mean squared error, >= 0; 0.5 in the paper's code.
        inside_weight: Weight of the cross-entropy, >= 0; 1 in the paper's code.

    Raises:
        InputError: If a weight is negative or both are 0.
    """

    def __init__(self, flow_weight: float, inside_weight: float) -> None:
        super().__init__()
        if not (flow_weight >= 0 and inside_weight >= 0 and flow_weight + inside_weight > 0):
            raise InputError(
                "loss.flow_weight and loss.inside_weight must be 0 or more and not both 0, came "
                f"{flow_weight} and {inside_weight}; the paper's code takes 0.5 and 1."
            )
        self.flow_weight = flow_weight
        self.inside_weight = inside_weight

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss.

        Raises:
            InputError: If there are not three planes.
        """
        if not logits.shape[1] == targets.shape[1] == 3:
            raise InputError(
                f"loss=flow compares three planes (dy, dx, inside), came {logits.shape[1]} of the network and "
                f"{targets.shape[1]} of the target; write model/target=flows."
            )
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # squares do not fit in half precision
        targets = targets.to(logits.dtype)
        flow = mse_loss(logits[:, :2], NETWORK_SCALE * targets[:, :2])
        inside = binary_cross_entropy_with_logits(logits[:, 2], (targets[:, 2] > 0.5).to(logits.dtype))
        return self.flow_weight * flow + self.inside_weight * inside
