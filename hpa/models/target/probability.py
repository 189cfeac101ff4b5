"""From the logits of a dense network to probabilities, checked before anything is read from them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import expit

from hpa.core.errors import InputError


def probability_planes(
    logits: Float[np.ndarray, "plane height width"], plane_count: int
) -> Float32[np.ndarray, "plane height width"]:
    """Return the sigmoid of each plane.

    Raises:
        InputError: If there are more or fewer planes than the target has, or a logit is NaN.
    """
    if len(logits) != plane_count:
        raise InputError(
            f"this target is read from {plane_count} planes, the network gave {len(logits)}; "
            "read it by the target that it was trained with."
        )
    probabilities = expit(logits.astype(np.float32, copy=False))
    if np.isnan(probabilities).any():
        raise InputError("the network's output holds NaN; look for NaN in the image or in the network's weights.")
    return probabilities
