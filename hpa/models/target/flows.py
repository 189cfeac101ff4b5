"""Instances as a mask and a flow from every pixel to the centre of its instance (Cellpose).

Flows are smooth inside an instance and reverse at its border, so that they split touching instances of any size and
shape (Stringer, Wang, Michaelos and Pachitariu, Nature Methods 18:100, 2021). Instances are read by following them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import expit

from hpa.core.errors import InputError
from hpa.core.flows import NETWORK_SCALE, flows_of, label_map_from
from hpa.interfaces import Instances
from hpa.models.target.planes import scored_instances


class FlowTarget:
    """Planes (dy, dx, inside): unit vectors to the centre, 0 in the background, and 1 inside any instance.

    A network predicts `NETWORK_SCALE` times the flow and the logit of inside, as those of Cellpose do.

    Args:
        min_probability: Pixels at or below it are background; Cellpose: 0.5.
        max_error: Instances are dropped whose own flows differ more from the predicted ones (mean squared
            length of the difference, 0 to 4); Cellpose: 0.4.
        min_area_px: Smaller instances are dropped, px; Cellpose: 15.

    Raises:
        InputError: If a number is out of its range.
    """

    plane_count: int = 3

    def __init__(self, min_probability: float, max_error: float, min_area_px: int) -> None:
        if not 0 <= min_probability < 1:
            raise InputError(f"model.target.min_probability must be at least 0 and below 1, not {min_probability}.")
        if not max_error > 0:
            raise InputError(f"model.target.max_error must be positive, not {max_error}; Cellpose takes 0.4.")
        if min_area_px < 1:
            raise InputError(f"model.target.min_area_px must be 1 or more, not {min_area_px}.")
        self.min_probability = min_probability
        self.max_error = max_error
        self.min_area_px = min_area_px

    def planes(self, instances: Instances) -> Float32[np.ndarray, "3 height width"]:
        """Return flow and mask of a whole image."""
        label_map = np.asarray(instances.label_map)
        return np.concatenate([flows_of(label_map), (label_map > 0)[None].astype(np.float32)])

    def rotate_vectors(
        self, planes: Float32[np.ndarray, "3 height width"], linear: Float[np.ndarray, "2 2"]
    ) -> Float32[np.ndarray, "3 height width"]:
        """Return planes that were warped already, with their vectors rotated and mirrored as the image was.

        Args:
            planes: Flow and mask of the warped image, vectors still as before.
            linear: Takes a step (y, x) before the warp to the step after it. Its orthogonal part acts on the vectors
                (polar decomposition), so that they keep their length whatever the scale.
        """
        left, _, right = np.linalg.svd(linear)
        rotation = (left @ right).astype(np.float32)
        flows = np.einsum("ij,jhw->ihw", rotation, planes[:2])
        return np.concatenate([flows, planes[2:]])

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Instances:
        """Return the instances whose pixels flow together, their mean probability as score.

        Raises:
            InputError: If there are not three planes, or they hold NaN.
        """
        if len(logits) != self.plane_count:
            raise InputError(
                f"flows are read from three planes (dy, dx, inside), the network gave {len(logits)}; "
                "read it with the target that it was trained on."
            )
        if np.isnan(logits).any():
            raise InputError("the network's output holds NaN; look for NaN in the image or in the network's weights.")
        inside = expit(logits[2])
        label_map = label_map_from(
            logits[:2] / np.float32(NETWORK_SCALE),
            inside,
            min_probability=self.min_probability,
            max_error=self.max_error,
            min_area_px=self.min_area_px,
        )
        return scored_instances(label_map, inside, self.min_area_px)
