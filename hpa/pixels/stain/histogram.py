"""Giving each colour of a picture the histogram that it has in a reference."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from skimage.exposure import match_histograms

from hpa.pixels.stain.density import is_lit


class HistogramMatching:
    """Maps each of red, green and blue monotonously, so that its distribution is the reference's.

    By scikit-image's `match_histograms`; albumentations' transform of this name wants the reference with every call,
    and takes the black outside a turned tile for tissue. Pixels without light stay as they are here.
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
