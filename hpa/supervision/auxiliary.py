"""Auxiliary tasks: a network of tissue also predicts organ and pixel size, so that its encoder represents both.

Two small heads on the mean of the encoder's deepest map, as the second team of "Hacking the Human Body" (V. Durnov,
2022) had them, each with a weight of 0.1. They belong to the strategy: inference uses the network alone. The pixel size
is that of the tile after scaling, so it carries information even where all images are resampled to one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, StepResult, Supervision, Unit
from hpa.supervision.composite import SharedForward

_UNKNOWN = -1


@runtime_checkable
class HasFeatures(Protocol):
    """A network of pixels with an encoder."""

    feature_count: int
    """Length of a vector of `PixelOutput.features`."""


class AuxiliarySupervision(nn.Module, Supervision):
    """The terms of another strategy, plus `organ` (cross-entropy) and `pixel_size` (squared error of log2 µm).

    Args:
        main: The strategy that trains the masks.
        organs: Names of the organs; images of others train the pixel size alone.
        organ_weight: Weight of the term, finite and 0 or more.
        pixel_size_weight: Weight of the term, finite and 0 or more.
        model: The network, whose features the heads read.

    Raises:
        InputError: If there are not two organs, one is repeated, a weight is out of its range, or the network has no
            features.
    """

    unit: Unit = "image"

    def __init__(
        self,
        main: Supervision,
        organs: Sequence[str],
        organ_weight: float,
        pixel_size_weight: float,
        model: nn.Module,
    ) -> None:
        super().__init__()
        if len(organs) < 2 or len(set(organs)) < len(organs):
            raise InputError(f"supervision.organs must name two organs or more, each once; came {list(organs)}.")
        for name, weight in (("organ_weight", organ_weight), ("pixel_size_weight", pixel_size_weight)):
            if not 0 <= weight < float("inf"):
                raise InputError(f"supervision.{name} must be finite and 0 or more, not {weight}; 0.1 is usual.")
        self.main = cast("nn.Module", main)
        self.organs = tuple(organs)
        self.organ_weight = organ_weight
        self.pixel_size_weight = pixel_size_weight
        self.heads = nn.Linear(_feature_count(model), len(self.organs) + 1)

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Those of the main strategy."""
        return cast("Supervision", self.main).teacher_runs

    def step(self, model: nn.Module, batch: PixelBatch, progress: float) -> StepResult:
        """Return the terms of the main strategy, `organ` and `pixel_size`; unknown organs and sizes cost 0.

        Raises:
            InputError: If the data set has no organs, or the network returns no features.
        """
        if batch.organs is None or batch.pixel_um is None:
            raise InputError(
                "supervision=auxiliary needs the organ of each image, and this data set has none; choose data=hubmap "
                "or supervision=dense."
            )
        shared = SharedForward(model)
        result = cast("Supervision", self.main).step(shared, batch, progress)
        features = shared(batch).features
        if features is None:
            raise InputError("this model.architecture has no features of whole images; choose supervision=dense.")
        predicted = self.heads(features).float()
        own = {
            "organ": self.organ_weight * self._organ_loss(predicted[:, :-1], batch.organs),
            "pixel_size": self.pixel_size_weight * _size_loss(predicted[:, -1], batch.pixel_um),
        }
        return StepResult(result.terms | own, result.output)

    def _organ_loss(self, logits: Float[Tensor, "image organ"], names: Sequence[str]) -> Float[Tensor, ""]:
        numbers = [self.organs.index(name) if name in self.organs else _UNKNOWN for name in names]
        targets = torch.tensor(numbers, device=logits.device)
        known = max(int((targets != _UNKNOWN).sum()), 1)
        return cross_entropy(logits, targets, ignore_index=_UNKNOWN, reduction="sum") / known


def _feature_count(model: nn.Module) -> int:
    if not isinstance(model, HasFeatures):
        raise InputError(
            "supervision=auxiliary needs a network with an encoder, model=unet or model=segformer; choose "
            "supervision=dense or supervision=detector for this one."
        )
    return model.feature_count


def _size_loss(predicted: Float[Tensor, " image"], pixel_um: Float[Tensor, " image"]) -> Float[Tensor, ""]:
    """Return the mean squared error in doublings of the pixel's side; 0, with a graph, where no size is known."""
    known = torch.isfinite(pixel_um)
    errors = predicted[known] - pixel_um[known].to(predicted.dtype).log2()
    return errors.square().sum() / max(int(known.sum()), 1)
