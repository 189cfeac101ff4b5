"""Augmentation of whole images: steps that move the places of the cells along with the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

ShownField = tuple[Float32[np.ndarray, "channel side side"], Float32[np.ndarray, "cell grid grid"]]
"""An image and the shares of its cells, as in `FieldBatch`."""


@runtime_checkable
class FieldStep(Protocol):
    """One change of an image and of where its cells lie."""

    def __call__(self, shown: ShownField, generator: np.random.Generator) -> ShownField:
        """Return both changed, at random by the generator alone; the arrays given stay as they are."""


class FieldSteps:
    """Takes steps one after the other.

    Args:
        steps: What happens, in order; none leaves images as they are.
    """

    def __init__(self, steps: Sequence[FieldStep]) -> None:
        self._steps = tuple(steps)

    def __call__(
        self,
        image: Float32[np.ndarray, "channel side side"],
        coverage: Float32[np.ndarray, "cell grid grid"],
        seed: int,
    ) -> ShownField:
        """Return image and coverage changed; the same seed gives the same change."""
        generator = np.random.default_rng(seed)
        shown: ShownField = (image, coverage)
        for step in self._steps:
            shown = step(shown, generator)
        return shown
