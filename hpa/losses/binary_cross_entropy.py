"""Binary cross-entropy with one sigmoid a class: the special case of focal and asymmetric loss without focusing."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa.losses.reduction import WeightedMean, require_class_count, to_float32, weight_row


class BinaryCrossEntropyLoss(nn.Module):
    """Mean of -y log p - (1 - y) log(1 - p); a soft target y in [0, 1] is best met by p = y.

    Args:
        class_weights: A positive number for each class that multiplies its loss, or None.
        positive_weights: A positive number for each class that multiplies the loss of its positives alone, or None.

    Raises:
        InputError: If a weight is not positive and finite.
    """

    positive_weights: Tensor | None

    def __init__(self, class_weights: Sequence[float] | None, positive_weights: Sequence[float] | None) -> None:
        super().__init__()
        self.mean = WeightedMean(class_weights)
        self.register_buffer("positive_weights", weight_row("positive_weights", positive_weights), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss.

        Raises:
            InputError: If there are not as many weights as classes.
        """
        if self.positive_weights is not None:
            require_class_count("positive_weights", self.positive_weights, logits.shape[1])
        logits = to_float32(logits)
        elements = binary_cross_entropy_with_logits(
            logits, targets.to(logits.dtype), pos_weight=self.positive_weights, reduction="none"
        )
        return self.mean(elements, weights)
