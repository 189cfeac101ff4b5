"""A moving average of the weights: what is validated and submitted.

Averaging iterates (Polyak and Juditsky 1992) with the exponential form and the decay warm-up of the TensorFlow model
zoo: early weights are bad, so the average forgets them quickly at first and slowly later.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage(nn.Module):
    """Keeps an averaged copy of a model; saved and resumed with the checkpoint as any module is.

    Attributes:
        model: The averaged copy, in evaluation mode, without gradients.
    """

    updates: Tensor

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model by 1 - min(decay, (1 + n) / (10 + n)) after n updates."""
        self.updates += 1
        count = int(self.updates)
        share = 1.0 - min(self.decay, (1 + count) / (10 + count))
        for averaged, current in zip(_tensors(self.model), _tensors(model), strict=True):
            floating = [k for k, value in averaged.items() if value.is_floating_point()]
            if floating:  # networks without batch normalisation have no such buffers
                torch._foreach_lerp_([averaged[k] for k in floating], [current[k] for k in floating], share)
            for name in averaged.keys() - set(floating):  # counters, e.g. of batch norm
                averaged[name].copy_(current[name])

    def train(self, mode: bool = True) -> WeightAverage:  # noqa: ARG002 - the average is never in training mode
        """Stay in evaluation mode."""
        return super().train(False)


def _tensors(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return parameters and buffers; apart, as only parameters are sharded over devices."""
    return {k: v.data for k, v in model.named_parameters()}, dict(model.named_buffers())
