"""A detector is taught by its own losses, each with a weight: classes, boxes and masks of Mask R-CNN, for example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, Unit


class DetectorSupervision(nn.Module):
    """The loss terms that the model itself returns.

    Args:
        weights: What each of them is multiplied by, >= 0.
        loss: Handed to every strategy; a detector has losses of its own.

    Raises:
        InputError: If a weight is negative.
    """

    unit: Unit = "image"

    def __init__(self, weights: Mapping[str, float], loss: Any = None) -> None:
        super().__init__()
        del loss
        if any(weight < 0 for weight in weights.values()):
            raise InputError(f"supervision.weights are 0 or more, not {dict(weights)}; 0 switches a term off.")
        self.weights = dict(weights)

    def terms(self, model: nn.Module, batch: PixelBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the model's own terms; none outside training, where a detector says instances instead.

        Raises:
            InputError: If the model's terms are not those that have weights.
        """
        del progress  # the start and the end of training are taught alike
        losses = model(batch).losses
        if losses and losses.keys() != self.weights.keys():
            raise InputError(
                f"supervision.weights name {', '.join(sorted(self.weights))}; the model's losses are "
                f"{', '.join(sorted(losses))}. Give one weight for each."
            )
        return {name: self.weights[name] * value for name, value in losses.items()}
