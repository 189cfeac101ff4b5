"""Networks of tissue on whole images: each sees the image at its own pixel size; combined at the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32

from hpa.core.field import Field
from hpa.core.planes import PlaneSpec, resized
from hpa.inference.ensemble import Join
from hpa.inference.tissue.augmented import PredictsProbabilities

_PIXELS_AT_ONCE = 1 << 20
"""Pixels that are combined at a time: in double precision all of a large image would take more than its networks."""
Map = Float32[np.ndarray, "height width"]


@runtime_checkable
class TissuePredictor(Protocol):
    """A member, or an ensemble of them, on images."""

    def predict(self, images: Sequence[Field]) -> Sequence[Map]:
        """Return the probability of the inside of each image, at the size of the image."""


@dataclass(frozen=True)
class TissueMember:
    """One network with all that its training settled.

    Attributes:
        predictor: The network, perhaps in several views.
        spec: Pixel size and intensities that it was trained on.
        channels: Its planes, in order.
    """

    predictor: PredictsProbabilities
    spec: PlaneSpec
    channels: tuple[str, ...]

    def predict(self, images: Sequence[Field]) -> list[Map]:
        """Return the probability of the inside of each image, at the size of the image.

        Raises:
            InputError: If an image lacks a channel, or its pixel size where one is needed.
        """
        return [self._predicted(field) for field in images]

    def _predicted(self, field: Field) -> Map:
        probabilities = self.predictor.probabilities(self.spec.prepare(field, self.channels))
        return resized(probabilities[None], *field.pixels.shape[1:])[0]


def combine_maps(maps: Sequence[Map], join: Join) -> Map:
    """Return the combined probabilities of maps of one size, in the order of the ensemble's members."""
    if len(maps) == 1:
        return maps[0]
    rows = torch.from_numpy(np.stack([one.ravel() for one in maps]))[:, :, None]  # (member, pixel, class)
    parts = [join(rows[:, start : start + _PIXELS_AT_ONCE]) for start in range(0, rows.shape[1], _PIXELS_AT_ONCE)]
    return torch.cat(parts).reshape(maps[0].shape).numpy()
