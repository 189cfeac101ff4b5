"""Random masks, whatever a network predicts: the baseline beside every score of tissue."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hpa.core.errors import InputError
from hpa.core.seeding import seed_of


class RandomMasks:
    """Adds each pixel to the mask with the same probability.

    Where units cover a share c of an image, the mask scores a Dice of about 2 c p / (c + p). The mask of an image
    follows from the seed and the image's id, whatever is predicted before it.

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
        self._seed = seed

    def mask(
        self, probabilities: Float[np.ndarray, "height width"], image_id: str, organ: str, pixel_um: float
    ) -> Bool[np.ndarray, "height width"]:
        """Return the mask of an image; it is never empty."""
        del organ, pixel_um  # chance knows neither
        drawn = np.random.default_rng(seed_of(self._seed, image_id)).random(probabilities.shape)
        return drawn <= max(self._share, drawn.min())
