"""Instances as a mask and the borders where they come near each other.

The way of the winners of the 2018 Data Science Bowl (team topcoders; Caicedo et al., Nature Methods 16:1247, 2019), who
added borders to the U-Net: a network can learn a line between two nuclei, though it cannot number them. The mask
without the borders gives seeds, from which the mask is flooded.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Integer

from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from hpa.interfaces import Instances
from hpa.models.target.planes import flood, probability_planes, relative_depth, scored_instances


class BorderTarget:
    """Planes: 0 inside any instance, 1 border: near two or more instances, but not in their middles.

    Args:
        reach_px: A pixel is near an instance that comes within so many pixels of it, >= 1.
        core_share: Pixels deeper than this share of the depth of their instance are no border, in [0, 1], so that no
            instance is all border.
        min_inside: Pixels above this probability of the inside belong to an instance, in [0, 1].
        min_seed: Pixels above this probability of inside and no border are seeds, in [0, 1].
        min_area_px: Smaller instances are dropped.

    Raises:
        InputError: If a number is out of its range.
    """

    plane_count: int = 2

    def __init__(self, reach_px: int, core_share: float, min_inside: float, min_seed: float, min_area_px: int) -> None:
        if reach_px < 1:
            raise InputError(f"model.target.reach_px must be 1 or more, not {reach_px}.")
        for name, share in (("core_share", core_share), ("min_inside", min_inside), ("min_seed", min_seed)):
            if not 0 <= share <= 1:
                raise InputError(f"model.target.{name} must lie in [0, 1], not {share}.")
        if min_area_px < 1:
            raise InputError(f"model.target.min_area_px must be 1 or more, not {min_area_px}.")
        self.core_share = core_share
        self.min_inside = min_inside
        self.min_seed = min_seed
        self.min_area_px = min_area_px
        # a disc of its own: that of OpenCV is wider than high, so borders would not rotate with the image
        rows, columns = np.ogrid[-reach_px : reach_px + 1, -reach_px : reach_px + 1]
        self._disc = (rows**2 + columns**2 <= reach_px**2).astype(np.uint8)

    def planes(self, instances: Instances) -> Float32[np.ndarray, "2 height width"]:
        """Return 0 and 1 for inside and border."""
        label_map = np.asarray(instances.label_map)
        border = self._near_two(label_map) & (relative_depth(label_map) <= self.core_share)
        return np.stack([label_map > 0, border]).astype(np.float32)

    def rotate_vectors(
        self, planes: Float32[np.ndarray, "2 height width"], linear: Float[np.ndarray, "2 2"]
    ) -> Float32[np.ndarray, "2 height width"]:
        """Return the planes themselves: they hold no direction."""
        del linear
        return planes

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Instances:
        """Return the seeds between the borders, flooded into the mask.

        Raises:
            InputError: If there are not two planes, or a logit is NaN.
        """
        inside, border = probability_planes(logits, self.plane_count)
        body = inside * (1 - border)
        mask = inside > self.min_inside
        core = (body > self.min_seed) & mask
        _, seeds = cv2.connectedComponents(core.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
        return scored_instances(flood(seeds, -body, mask), inside, self.min_area_px)

    def _near_two(self, label_map: Integer[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
        """Return which pixels have two instances or more within reach."""
        # float32, which OpenCV dilates, counts exactly to 2^24
        cells = relabel(label_map).astype(np.float32)
        largest = cv2.dilate(cells, self._disc)
        smallest = cv2.erode(np.where(cells > 0, cells, np.inf).astype(np.float32), self._disc)
        return smallest < largest
