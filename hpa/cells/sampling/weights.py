"""How often images or cells are drawn for training against each other (`sampling=`)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int

from hpa.core.errors import InputError
from hpa.interfaces import Unit


class UniformSampling:
    """Draws all alike: every cell once an epoch, or every image for strategies that keep images whole."""

    def weights(
        self, image_targets: Float32[np.ndarray, "image class"], cells: Int[np.ndarray, " image"], unit: Unit
    ) -> Float64[np.ndarray, " image"]:
        """Return 1 for every image."""
        del cells, unit
        return np.ones(len(image_targets))


class ImageBalancedSampling:
    """Draws cells by the inverse of the number of cells of their image.

    A dense image gives ten times the cells of a sparse one; drawn cell by cell, its cell line and its labels would
    outweigh the others. Strategies that keep images whole draw images alike anyway.
    """

    def weights(
        self, image_targets: Float32[np.ndarray, "image class"], cells: Int[np.ndarray, " image"], unit: Unit
    ) -> Float64[np.ndarray, " image"]:
        """Return weights of images; 1 for those without cells."""
        if unit == "image":
            return np.ones(len(image_targets))
        return 1 / np.maximum(cells, 1)


class ClassBalancedSampling:
    """Draws images of rare classes more often: repeat-factor sampling (Gupta et al., 2019, arXiv:1908.03195).

    An image has several labels; its rarest class decides, by how much rarer than the most frequent class it is, to a
    power. Classes do not become equally frequent in this way, since rare ones come with frequent ones.

    Args:
        power: 0 draws all alike, 1 by inverse frequency, in [0, 1]; 1/2 in the paper.
        max_weight: Bound on the weight against that of the most frequent class, >= 1, so that few images are not
            learned by heart.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, power: float, max_weight: float) -> None:
        if not (0 <= power <= 1 and max_weight >= 1):
            raise InputError(
                f"sampling: power must lie in [0, 1] and max_weight be 1 or more; came {power} and {max_weight}."
            )
        self._power = power
        self._max_weight = max_weight

    def weights(
        self, image_targets: Float32[np.ndarray, "image class"], cells: Int[np.ndarray, " image"], unit: Unit
    ) -> Float64[np.ndarray, " image"]:
        """Return weights of images; a class without any image, and an image without a class, change nothing."""
        labels = image_targets.astype(np.float64)
        count = (cells if unit == "cell" else np.ones(len(labels))) @ labels
        rarity = np.divide(count.max(initial=0), count, out=np.zeros_like(count), where=count > 0) ** self._power
        return (labels * rarity.clip(max=self._max_weight)).max(axis=1, initial=1.0)
