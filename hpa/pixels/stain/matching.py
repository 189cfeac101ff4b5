"""Exchanging the stains of a picture for those of another laboratory, its structure kept.

The amounts of the picture's own two stains are found and painted again in the reference's colours and strengths
(Macenko et al., ISBI 2009; Vahadane et al., IEEE Transactions on Medical Imaging 35:1962, 2016).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from hpa.pixels.stain.density import density_of, with_density_changed
from hpa.pixels.stain.look import StainLook
from hpa.pixels.stain.separation import StainSeparation


class StainMatching:
    """Paints a picture with the stains of a reference; one that does not show two stains is left as it is.

    Args:
        separation: How the picture's own stains are found.
    """

    def __init__(self, separation: StainSeparation) -> None:
        self.separation = separation

    def __call__(
        self, picture: Float32[np.ndarray, "height width 3"], reference: StainLook
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the picture (red, green, blue in [0, 1]) with other stains."""
        look = self.separation.look(picture)
        if look is None:
            return picture
        density = density_of(picture)
        amounts = look.amounts(density) * (reference.strengths / look.strengths)
        return with_density_changed(picture, amounts @ reference.vectors - density)
