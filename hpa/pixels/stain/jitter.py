"""Random change of the amounts of three stains, haematoxylin, eosin and DAB: the simplest stain augmentation.

Each stain's density c becomes (1 + a) c + b with a and b sampled once a picture (Tellez et al., IEEE Transactions on
Medical Imaging 37:2126, 2018, who used 0.05; 0.2 was the strong variant of Tellez et al., Medical Image Analysis
58:101544, 2019). The vectors of the stains are those of Ruifrok and Johnston (2001), as scikit-image lists them; its
`rgb2hed` itself is not used, since it clips negative amounts and so cannot be inverted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from skimage.color import hed_from_rgb, rgb_from_hed

from hpa.core.errors import InputError
from hpa.pixels.stain.density import density_of, with_density_changed


class StainJitter:
    """Changes the density of each stain at random.

    Args:
        gain: Largest relative change of a stain's density.
        shift: Largest density that is added to or taken from a stain everywhere.

    Raises:
        InputError: If one is negative.
    """

    def __init__(self, gain: float, shift: float) -> None:
        if gain < 0 or shift < 0:
            raise InputError(f"stain jitter needs gain and shift of 0 or more; came {gain} and {shift}.")
        self.gain = gain
        self.shift = shift

    def __call__(
        self, picture: Float32[np.ndarray, "height width 3"], draw: np.random.Generator
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the changed picture (red, green, blue in [0, 1])."""
        gains = draw.uniform(-self.gain, self.gain, 3)
        shifts = draw.uniform(-self.shift, self.shift, 3)
        amounts = density_of(picture) @ hed_from_rgb.astype(np.float32)
        change = (amounts * gains.astype(np.float32) + shifts.astype(np.float32)) @ rgb_from_hed.astype(np.float32)
        return with_density_changed(picture, change)
