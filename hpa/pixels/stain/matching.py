"""Matching a picture of stained tissue to a reference: by its stains, its colour statistics or its histograms."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32
from skimage.exposure import match_histograms

from hpa.pixels.stain.density import density_of, is_lit, with_density_changed
from hpa.pixels.stain.profile import StainProfile
from hpa.pixels.stain.separation import StainSeparation

_MIN_SPREAD = 1e-3
"""Standard deviation (lightness runs from 0 to 100) below which a plane is constant: it is shifted, not scaled."""


class StainMatching:
    """Replaces the two stains of a picture by those of a reference and keeps its structure.

    The amounts of the picture's own stains are found and rendered in the reference's colours and strengths (Macenko et
    al., ISBI 2009; Vahadane et al., IEEE Transactions on Medical Imaging 35:1962, 2016). A picture in which two stains
    cannot be separated is left as it is.

    Args:
        separation: How the picture's own stains are found.
    """

    def __init__(self, separation: StainSeparation) -> None:
        self.separation = separation

    def __call__(
        self, picture: Float32[np.ndarray, "height width 3"], reference: StainProfile
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the picture (red, green, blue in [0, 1]) with other stains."""
        profile = self.separation.profile(picture)
        if profile is None:
            return picture
        density = density_of(picture)
        amounts = profile.amounts(density) * (reference.strengths / profile.strengths)
        return with_density_changed(picture, amounts @ reference.vectors - density)


class ReinhardMatching:
    """Gives each plane of CIELAB the mean and the standard deviation that it has in a reference.

    After Reinhard et al., IEEE Computer Graphics and Applications 21(5):34, 2001, with CIELAB for their space, as usual
    in histology. Pixels without light lie outside the image and stay as they are.
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


class HistogramMatching:
    """Maps each of red, green and blue monotonously, so that its histogram is the reference's.

    By scikit-image's `match_histograms`: albumentations' transform of this name needs the reference in every call, and
    takes the black outside a rotated tile for tissue. Pixels without light stay as they are here.
    """

    def __call__(
        self, picture: Float32[np.ndarray, "height width 3"], reference: Float32[np.ndarray, "ref_height ref_width 3"]
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the picture (red, green, blue in [0, 1]) with the histograms of the reference."""
        lit, lit_reference = is_lit(picture), is_lit(reference)
        if not lit.any() or not lit_reference.any():
            return picture
        matched = picture.copy()
        matched[lit] = match_histograms(picture[lit], reference[lit_reference], channel_axis=-1)
        return np.clip(matched, 0, 1)


def _moments(
    pixels: Float32[np.ndarray, "pixel 3"],
) -> tuple[Float32[np.ndarray, " 3"], Float32[np.ndarray, " 3"]]:
    """Return mean and standard deviation of each plane."""
    mean = pixels.mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32), pixels.std(axis=0, dtype=np.float64).astype(np.float32)
