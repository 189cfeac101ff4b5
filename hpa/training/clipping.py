"""Gradient clipping, so that one bad batch does not undo the others.

Each is called with the model after the backward pass (and after unscaling in half precision) and changes gradients in
place. By norm: Pascanu, Mikolov, Bengio 2013. Adaptive: Brock, De, Smith, Simonyan 2021 (networks without
normalisation need it; the classifier layer is left alone, as there).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from timm.utils.agc import adaptive_clip_grad
from torch import nn


@runtime_checkable
class Clipping(Protocol):
    """What an `optimizer/clipping=` choice does."""

    def __call__(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Change the gradients in place."""


class NoClipping:
    """Leaves gradients as they are."""

    def __call__(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Do nothing."""


class NormClipping:
    """Scales all gradients together so that their joint norm stays within a bound."""

    def __init__(self, max_norm: float) -> None:
        self.max_norm = max_norm

    def __call__(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Scale in place."""
        nn.utils.clip_grad_norm_((parameter for _, parameter in named_parameters), self.max_norm)


class AdaptiveClipping:
    """Bounds the norm of each unit's gradient by a share of the norm of its weights."""

    def __init__(self, factor: float, epsilon: float) -> None:
        self.factor = factor
        self.epsilon = epsilon

    def __call__(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Scale in place, unit by unit, the classification head left out."""
        body = [p for name, p in named_parameters if p.grad is not None and "head." not in name]
        adaptive_clip_grad(body, clip_factor=self.factor, eps=self.epsilon)  # type: ignore[no-untyped-call]
