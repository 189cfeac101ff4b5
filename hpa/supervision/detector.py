"""Detectors learn by their own losses, each with a weight: objectness, boxes and masks of Mask R-CNN, for example."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, StepResult, Supervision, Unit


class DetectorSupervision(nn.Module, Supervision):
    """The loss terms that the model itself returns.

    Args:
        weights: Multiplies each of them, >= 0.

    Raises:
        InputError: If a weight is negative.
    """

    unit: Unit = "image"

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        if any(weight < 0 for weight in weights.values()):
            raise InputError(f"supervision.weights are 0 or more, not {dict(weights)}; 0 switches a term off.")
        self.weights = dict(weights)

    def step(self, model: nn.Module, batch: PixelBatch, progress: float) -> StepResult:
        """Return the model's own terms; none outside training, where a detector returns instances.

        Raises:
            InputError: If the model's terms are not those that have weights.
        """
        del progress
        output = model(batch)
        if output.losses and output.losses.keys() != self.weights.keys():
            raise InputError(
                f"supervision.weights has {', '.join(sorted(self.weights))}; the model's losses are "
                f"{', '.join(sorted(output.losses))}. Give one weight for each."
            )
        return StepResult({name: self.weights[name] * value for name, value in output.losses.items()}, output)
