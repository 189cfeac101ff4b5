"""Instances as a mask and the relative depth of each pixel in its own instance.

A distance map splits touching instances in a classical watershed, once it is that of each instance, not of their union;
a network can learn it (Bai and Urtasun, 2017, arXiv:1611.08303; Naylor, Laé, Reyal and Walter, IEEE TMI 38:448, 2019).
Depth is a share of the instance's greatest depth, so that one threshold serves all sizes.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32

from hpa.core.errors import InputError
from hpa.interfaces import Instances
from hpa.models.target.planes import flood, probability_planes, relative_depth, scored_instances


class DistanceTarget:
    """Planes: 0 inside any instance, 1 the pixel's depth in its instance, 0 to 1; the network predicts logits of both.

    Args:
        min_inside: Pixels above this probability of the inside belong to an instance, in [0, 1].
        smoothing_px: Standard deviation of the Gaussian blur of the depth before it is read, >= 0; below a third of a
            pixel there is none.
        seed_depth: Connected pixels deeper than this share are one seed, in (0, 1); low values merge touching
            instances, high ones split an instance with a waist.
        min_area_px: Smaller instances are dropped.

    Raises:
        InputError: If a number is out of its range.
    """

    plane_count: int = 2

    def __init__(self, min_inside: float, smoothing_px: float, seed_depth: float, min_area_px: int) -> None:
        if not 0 <= min_inside <= 1:
            raise InputError(f"model.target.min_inside must lie in [0, 1], not {min_inside}.")
        if not 0 <= smoothing_px < float("inf"):
            raise InputError(f"model.target.smoothing_px must be 0 or more and finite, not {smoothing_px}.")
        if not 0 < seed_depth < 1:
            raise InputError(f"model.target.seed_depth must lie between 0 and 1, not {seed_depth}.")
        if min_area_px < 1:
            raise InputError(f"model.target.min_area_px must be 1 or more, not {min_area_px}.")
        self.min_inside = min_inside
        self.smoothing_px = smoothing_px
        self.seed_depth = seed_depth
        self.min_area_px = min_area_px

    def planes(self, instances: Instances) -> Float32[np.ndarray, "2 height width"]:
        """Return the mask as 0 and 1, and the depth."""
        label_map = np.asarray(instances.label_map)
        return np.stack([(label_map > 0).astype(np.float32), relative_depth(label_map)])

    def rotate_vectors(
        self, planes: Float32[np.ndarray, "2 height width"], linear: Float[np.ndarray, "2 2"]
    ) -> Float32[np.ndarray, "2 height width"]:
        """Return the planes themselves: they hold no direction, and a share no length."""
        del linear
        return planes

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Instances:
        """Return the regions grown from the deep places inside the mask.

        Raises:
            InputError: If there are not two planes, or a logit is NaN.
        """
        inside, depth = probability_planes(logits, self.plane_count)
        if self.smoothing_px > 1 / 3:
            depth = cv2.GaussianBlur(depth, (0, 0), self.smoothing_px)
        mask = inside > self.min_inside
        deep = (depth > self.seed_depth) & mask
        _, seeds = cv2.connectedComponents(deep.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
        return scored_instances(flood(seeds, -depth, mask), inside, self.min_area_px)
