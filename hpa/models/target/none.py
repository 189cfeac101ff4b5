"""No planes at all: for detectors, which learn from the instances themselves."""

from __future__ import annotations

from typing import Never

import numpy as np
from jaxtyping import Float, Float32

from hpa.core.errors import InputError
from hpa.interfaces import Instances


class NoTarget:
    """The target of a network that says nothing of single pixels."""

    plane_count: int = 0

    def planes(self, instances: Instances) -> Float32[np.ndarray, "0 height width"]:
        """Return no plane, at the size of the image."""
        return np.zeros((0, *instances.label_map.shape), np.float32)

    def turned(
        self, planes: Float32[np.ndarray, "plane height width"], linear: Float[np.ndarray, "2 2"]
    ) -> Float32[np.ndarray, "plane height width"]:
        """Return the planes as they are."""
        del linear  # nothing here has a direction
        return planes

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Never:
        """Refuse: there is nothing to read instances from.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"a detector's instances were asked for from {logits.shape[0]} planes of pixels, it says none; "
            "ask the model: model.instances(output)."
        )
