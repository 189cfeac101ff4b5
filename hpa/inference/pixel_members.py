"""Networks of tissue on whole images: each sees the image at its own pixel size; joined at the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from hpa.core.field import Field
from hpa.core.planes import PlaneSpec, resized
from hpa.inference.pixel_views import SaysProbabilities

_ROWS = 1 << 20
"""Pixels that are joined at a time: in double precision all of a large image would take more than its networks."""


@runtime_checkable
class Joins(Protocol):
    """An ensemble, as far as it is asked about what members said already."""

    def join(self, probabilities: Float[Tensor, "member row class"]) -> Float[Tensor, "row class"]:
        """Return what the members' probabilities amount to."""


@dataclass(frozen=True)
class TissueMember:
    """One network with all that its training settled.

    Attributes:
        predictor: The network, perhaps in several views.
        spec: Pixel size and intensities that it was trained on.
        channels: Its planes, in order.
    """

    predictor: SaysProbabilities
    spec: PlaneSpec
    channels: tuple[str, ...]

    def probabilities(self, field: Field) -> Float32[np.ndarray, "height width"]:
        """Return the probability of the inside, at the size of the image.

        Raises:
            InputError: If the image lacks a channel, or its pixel size where one is needed.
        """
        said = self.predictor.probabilities(self.spec.prepare(field, self.channels))
        return resized(said[None], *field.pixels.shape[1:])[0]


@dataclass(frozen=True)
class TissueEnsemble:
    """Members joined pixel by pixel.

    Attributes:
        members: What is asked, one after the other.
        join: How their probabilities are joined.
    """

    members: Sequence[TissueMember]
    join: Joins

    def probabilities(self, field: Field) -> Float32[np.ndarray, "height width"]:
        """Return the joined probability of the inside.

        Raises:
            InputError: As `TissueMember`.
        """
        return joined([member.probabilities(field) for member in self.members], self.join)


def joined(maps: Sequence[Float32[np.ndarray, "height width"]], join: Joins) -> Float32[np.ndarray, "height width"]:
    """Return what maps of one size amount to, in the order of the ensemble's members."""
    if len(maps) == 1:
        return maps[0]
    rows = torch.from_numpy(np.stack([one.ravel() for one in maps]))[:, :, None]  # (member, pixel, class)
    parts = [join.join(rows[:, start : start + _ROWS]) for start in range(0, rows.shape[1], _ROWS)]
    return torch.cat(parts).reshape(maps[0].shape).numpy()
