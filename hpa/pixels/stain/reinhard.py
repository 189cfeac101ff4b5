"""Giving a picture the mean colour and the spread of a reference, without knowing of stains."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.pixels.stain.density import is_lit

_MIN_SPREAD = 1e-3
"""Standard deviation (lightness runs from 0 to 100) below which a plane is constant: it is moved, not spread."""


class ReinhardMatching:
    """Gives each plane of a perceptual colour space the mean and the standard deviation that it has in a reference.

    After Reinhard et al., IEEE Computer Graphics and Applications 21(5):34, 2001, with CIELAB for their space, as
    histology took it up; pixels without light lie outside the image and stay.
    """

    def __call__(
        self, picture: Float32[np.ndarray, "height width 3"], reference: Float32[np.ndarray, "ref_height ref_width 3"]
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the picture (red, green, blue in [0, 1]) in the colours of the reference."""
        lit, lit_reference = is_lit(picture), is_lit(reference)
        if not lit.any() or not lit_reference.any():
            return picture
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        mean, spread = _moments(lab[lit])
        new_mean, new_spread = _moments(cv2.cvtColor(reference, cv2.COLOR_RGB2LAB)[lit_reference])
        factor = np.where(spread < _MIN_SPREAD, 1, new_spread / np.maximum(spread, _MIN_SPREAD))
        matched = cv2.cvtColor(((lab - mean) * factor + new_mean).astype(np.float32), cv2.COLOR_LAB2RGB)
        return np.where(lit[..., None], np.clip(matched, 0, 1), picture)


def _moments(
    pixels: Float32[np.ndarray, "pixel 3"],
) -> tuple[Float32[np.ndarray, " 3"], Float32[np.ndarray, " 3"]]:
    """Return mean and standard deviation of each plane."""
    mean = pixels.mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32), pixels.std(axis=0, dtype=np.float64).astype(np.float32)
