"""Beside its masks a network of tissue tells organ and pixel size, so that its encoder learns what both look like.

Two small heads on the mean of the encoder's deepest map, as the second team of "Hacking the Human Body" (V. Durnov,
2022) had them, each with a weight of 0.1. They belong to the strategy: predictions read the network alone and never
see them. The pixel size is that of the tile as it is shown, enlarged or shrunk, so it says something even where all
images are resampled to one scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, PixelLoss, Supervision, Unit
from hpa.supervision.one_look import OneLook

_UNKNOWN = -1


class AuxiliarySupervision(nn.Module):
    """The terms of another strategy, and `organ` (cross-entropy) and `pixel_size` (squared error of log2 µm) beside.

    Args:
        loss: Handed to the other strategy.
        main: Makes the strategy that teaches masks.
        organs: Names of the organs; images of others teach the pixel size alone.
        organ_weight: Weight of the term, finite and 0 or more.
        pixel_size_weight: Weight of the term, finite and 0 or more.

    Raises:
        InputError: If there are not two organs, one stands twice, or a weight is out of its range.
    """

    unit: Unit = "image"

    def __init__(
        self,
        loss: PixelLoss,
        main: Callable[..., Supervision],
        organs: Sequence[str],
        organ_weight: float,
        pixel_size_weight: float,
    ) -> None:
        super().__init__()
        if len(organs) < 2 or len(set(organs)) < len(organs):
            raise InputError(f"supervision.organs must name two organs or more, each once; came {list(organs)}.")
        for name, weight in (("organ_weight", organ_weight), ("pixel_size_weight", pixel_size_weight)):
            if not 0 <= weight < float("inf"):
                raise InputError(f"supervision.{name} must be finite and 0 or more, not {weight}; 0.1 is usual.")
        self.main = cast("nn.Module", main(loss=loss))
        self.organs = tuple(organs)
        self.organ_weight = organ_weight
        self.pixel_size_weight = pixel_size_weight
        self.heads: nn.Linear | None = None

    def attach(self, model: nn.Module) -> None:
        """Make both heads, as wide as the network's features.

        Raises:
            InputError: If the network gives no features.
        """
        width = getattr(model, "feature_count", None)
        if width is None:
            raise InputError(
                "supervision=auxiliary needs a network with an encoder, model=unet or model=segformer; choose "
                "supervision=direct or supervision=detector for this one."
            )
        self.heads = nn.Linear(width, len(self.organs) + 1)

    def terms(self, model: nn.Module, batch: PixelBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms of the main strategy, `organ` and `pixel_size`; what nobody knows costs 0.

        Raises:
            InputError: If the data set tells no organs, or the network gives no features.
        """
        if batch.organs is None or batch.pixel_um is None:
            raise InputError(
                "supervision=auxiliary needs the organ of each image, and this data set tells none; choose data=hubmap "
                "or supervision=direct."
            )
        look = OneLook(model)
        terms = cast("Supervision", self.main).terms(look, batch, progress)
        features = look(batch).features
        if features is None or self.heads is None:
            raise InputError("this model.architecture gives no features of whole images; choose supervision=direct.")
        said = self.heads(features).float()
        return {
            **terms,
            "organ": self.organ_weight * self._organ_loss(said[:, :-1], batch.organs),
            "pixel_size": self.pixel_size_weight * _size_loss(said[:, -1], batch.pixel_um),
        }

    def _organ_loss(self, logits: Float[Tensor, "image organ"], names: Sequence[str]) -> Float[Tensor, ""]:
        numbers = [self.organs.index(name) if name in self.organs else _UNKNOWN for name in names]
        told = torch.tensor(numbers, device=logits.device)
        known = max(int((told != _UNKNOWN).sum()), 1)
        return cross_entropy(logits, told, ignore_index=_UNKNOWN, reduction="sum") / known


def _size_loss(said: Float[Tensor, " image"], pixel_um: Float[Tensor, " image"]) -> Float[Tensor, ""]:
    """Return the mean squared error in doublings of the pixel's side; 0, with a graph, where no size is known."""
    known = torch.isfinite(pixel_um)
    errors = said[known] - pixel_um[known].to(said.dtype).log2()
    return errors.square().sum() / max(int(known.sum()), 1)
