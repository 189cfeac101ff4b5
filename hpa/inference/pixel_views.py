"""Test-time augmentation of networks of pixels: an image asked about in several views, turned back and averaged.

All eight symmetries of the square are equally true of a section; views at other sizes stand for other pixel sizes,
which vary by a factor of 27 in "Hacking the Human Body" (Jain et al., Nature Communications 14:4656, 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32
from scipy.special import expit, logit

from hpa.core.dihedral import apply, inverse
from hpa.core.errors import InputError
from hpa.core.planes import resized
from hpa.inference.augmented_views import View, all_views

AVERAGES = ("probabilities", "logits")
_SUREST = 1 - 2.0**-24
"""The highest probability that float32 tells from 1, whose logit is infinite."""


@runtime_checkable
class SaysProbabilities(Protocol):
    """Whatever says of every pixel how probably it is inside."""

    def probabilities(self, planes: Float32[np.ndarray, "channel height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the probability of the inside, at the size of the planes."""


class AugmentedPixels:
    """Averages what is said of an image over views of it: one whole prediction for each view.

    Args:
        predictor: What is asked once for each view.
        symmetries: Names from `hpa.core.dihedral`.
        scales: Multiples of the image's sides.
        brightness: Multiples of the intensities; views are all combinations of the three lists.
        average: "probabilities", or "logits" (the mean before the sigmoid, which trusts sure views more).

    Raises:
        InputError: If a list is empty, holds something twice or unknown, or the average has another name.
    """

    def __init__(
        self,
        predictor: SaysProbabilities,
        symmetries: Sequence[str],
        scales: Sequence[float],
        brightness: Sequence[float],
        average: str,
    ) -> None:
        if average not in AVERAGES:
            raise InputError(f"tta.average of pixels must be one of {', '.join(AVERAGES)}; came '{average}'.")
        self._views = all_views(symmetries, scales, brightness)
        self._predictor = predictor
        self._of_logits = average == "logits"

    def probabilities(self, planes: Float32[np.ndarray, "channel height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the average over the views."""
        total = np.zeros(planes.shape[1:], np.float64)
        for view in self._views:
            said = self._said(planes, view)
            total += logit(np.clip(said, 1 - _SUREST, _SUREST)) if self._of_logits else said
        mean = total / len(self._views)
        return (expit(mean) if self._of_logits else mean).astype(np.float32)

    def _said(
        self, planes: Float32[np.ndarray, "channel height width"], view: View
    ) -> Float32[np.ndarray, "height width"]:
        """Return what is said of one view, in the place of the image itself."""
        height, width = planes.shape[1:]
        shown = resized(planes, *(max(1, round(view.scale * side)) for side in (height, width)))
        if view.brightness != 1:
            shown = np.minimum(shown * np.float32(view.brightness), np.float32(1))
        said = self._predictor.probabilities(np.ascontiguousarray(apply(shown, view.symmetry)))
        turned_back = np.ascontiguousarray(apply(said, inverse(view.symmetry)))
        return resized(turned_back[None], height, width)[0]
