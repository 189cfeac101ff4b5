"""Masks that are drawn by lot, whatever a network said: the floor beside every score of tissue."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hpa.core.errors import InputError


class RandomMasks:
    """Gives each pixel to a unit with the same probability.

    Where units cover a share c of an image, the mask scores a Dice of about 2 c p / (c + p). Masks follow from the seed
    and the order of the images.

    Args:
        share: Probability p of a pixel, above 0 and at most 1.
        seed: Of the draw.

    Raises:
        InputError: If the share is out of range.
    """

    def __init__(self, share: float, seed: int) -> None:
        if not 0 < share <= 1:
            raise InputError(f"thresholds.share must be above 0 and at most 1, came {share}.")
        self._share = share
        self._draw = np.random.default_rng(seed)

    def mask(
        self, probabilities: Float[np.ndarray, "height width"], organ: str, pixel_um: float
    ) -> Bool[np.ndarray, "height width"]:
        """Return the mask of an image; it is never empty."""
        del organ, pixel_um  # lots know neither
        drawn = self._draw.random(probabilities.shape)
        return drawn <= max(self._share, drawn.min())
