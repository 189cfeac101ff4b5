"""Instances as one mask: for instances that never touch, and for tissue, where only the mask counts."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32

from hpa.core.errors import InputError
from hpa.interfaces import Instances
from hpa.models.target.planes import probability_planes, scored_instances


class ForegroundTarget:
    """One plane: 1 inside any instance, 0 in the background.

    Args:
        min_inside: Pixels above this probability belong to an instance, in [0, 1].
        min_area_px: Smaller pieces are dropped.

    Raises:
        InputError: If a number is out of its range.
    """

    plane_count: int = 1

    def __init__(self, min_inside: float, min_area_px: int) -> None:
        if not 0 <= min_inside <= 1:
            raise InputError(f"model.target.min_inside must lie in [0, 1], not {min_inside}.")
        if min_area_px < 1:
            raise InputError(f"model.target.min_area_px must be 1 or more, not {min_area_px}.")
        self.min_inside = min_inside
        self.min_area_px = min_area_px

    def planes(self, instances: Instances) -> Float32[np.ndarray, "1 height width"]:
        """Return the mask as 0 and 1."""
        return (np.asarray(instances.label_map) > 0)[None].astype(np.float32)

    def rotate_vectors(
        self, planes: Float32[np.ndarray, "1 height width"], linear: Float[np.ndarray, "2 2"]
    ) -> Float32[np.ndarray, "1 height width"]:
        """Return the planes themselves: they hold no direction."""
        del linear
        return planes

    def probabilities(self, logits: Float32[np.ndarray, "plane height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the probability of the inside: what thresholds are fitted on.

        Raises:
            InputError: If there is not one plane, or a logit is NaN.
        """
        return probability_planes(logits, self.plane_count)[0]

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Instances:
        """Return the connected components of the mask (8-connected).

        Raises:
            InputError: If there is not one plane, or a logit is NaN.
        """
        inside = self.probabilities(logits)
        mask = (inside > self.min_inside).view(np.uint8)
        _, components = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
        return scored_instances(components, inside, self.min_area_px)
