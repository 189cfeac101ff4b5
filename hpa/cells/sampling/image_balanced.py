"""Every image counts alike, however many cells it holds.

A dense image gives ten times the cells of a sparse one; drawn cell by cell, its cell line and its labels would outweigh
the others. Strategies that keep images whole draw images alike anyway.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int

from hpa.interfaces import Unit


class ImageBalancedSampling:
    """Draws cells by the inverse of the number of cells of their image."""

    def weights(
        self, image_targets: Float32[np.ndarray, "image class"], cells: Int[np.ndarray, " image"], unit: Unit
    ) -> Float64[np.ndarray, " image"]:
        """Return weights of images; 1 for those without cells."""
        if unit == "image":
            return np.ones(len(image_targets))
        return 1 / np.maximum(cells, 1)
