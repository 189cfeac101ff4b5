"""Test-time augmentation of networks of tissue: an image predicted in several views, rotated back and averaged.

All eight symmetries of the square are equally true of a section; views at other sizes stand for other pixel sizes,
which vary by a factor of 27 in "Hacking the Human Body" (Jain et al., Nature Communications 14:4656, 2023).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32
from scipy.special import expit, logit

from hpa.core.dihedral import apply, inverse
from hpa.core.errors import InputError
from hpa.core.planes import resized
from hpa.inference.views import View, Views

_MAX_PROBABILITY = 1 - 2.0**-24
"""The highest probability below 1 in float32, whose logit is infinite."""


@runtime_checkable
class PredictsProbabilities(Protocol):
    """Whatever predicts for every pixel how probably it is inside."""

    def probabilities(self, planes: Float32[np.ndarray, "channel height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the probability of the inside, at the size of the planes."""


class AugmentedTissue:
    """Averages the predictions of views of an image: one whole prediction for each view.

    Args:
        predictor: Predicts each view.
        views: How the image is shown.

    Raises:
        InputError: If ranks are to be averaged, which are known of cells alone.
    """

    def __init__(self, predictor: PredictsProbabilities, views: Views) -> None:
        if views.average == "ranks":
            raise InputError("tta.average=ranks is of cells; choose probabilities or logits for tissue.")
        self._views = views
        self._predictor = predictor

    def probabilities(self, planes: Float32[np.ndarray, "channel height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the average over the views."""
        averages_logits = self._views.average == "logits"
        total = np.zeros(planes.shape[1:], np.float64)
        for view in self._views.views:
            predicted = self._predicted(planes, view)
            total += logit(np.clip(predicted, 1 - _MAX_PROBABILITY, _MAX_PROBABILITY)) if averages_logits else predicted
        mean = total / len(self._views)
        return (expit(mean) if averages_logits else mean).astype(np.float32)

    def _predicted(
        self, planes: Float32[np.ndarray, "channel height width"], view: View
    ) -> Float32[np.ndarray, "height width"]:
        """Return the prediction of one view, in the place of the image itself."""
        height, width = planes.shape[1:]
        shown = resized(planes, *(max(1, round(view.scale * side)) for side in (height, width)))
        if view.brightness != 1:
            shown = np.minimum(shown * np.float32(view.brightness), np.float32(1))
        predicted = self._predictor.probabilities(np.ascontiguousarray(apply(shown, view.symmetry)))
        rotated_back = np.ascontiguousarray(apply(predicted, inverse(view.symmetry)))
        return resized(rotated_back[None], height, width)[0]
