"""Images of rare classes are drawn more often than others.

Repeat-factor sampling (Gupta, Dollar and Girshick, 2019, arXiv:1908.03195): an image has several labels, so its rarest
one decides. Classes cannot be made equally frequent in this way, since rare ones come with frequent ones.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int

from hpa.core.errors import InputError
from hpa.interfaces import Unit


class ClassBalancedSampling:
    """Draws by how much rarer than the most frequent class the rarest class of an image is, to a power.

    Args:
        power: 0 draws all alike, 1 by inverse frequency, in [0, 1]; 1/2 in the paper.
        most: Largest weight against that of the most frequent class, >= 1, so that few images are not learned by heart.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, power: float, most: float) -> None:
        if not (0 <= power <= 1 and most >= 1):
            raise InputError(f"sampling: power must lie in [0, 1] and most be 1 or more; came {power} and {most}.")
        self._power = power
        self._most = most

    def weights(
        self, image_targets: Float32[np.ndarray, "image class"], cells: Int[np.ndarray, " image"], unit: Unit
    ) -> Float64[np.ndarray, " image"]:
        """Return weights of images; a class that no image is told of, and an image without a class, change nothing."""
        told = image_targets.astype(np.float64)
        count = (cells if unit == "cell" else np.ones(len(told))) @ told
        rarity = np.divide(count.max(initial=0), count, out=np.zeros_like(count), where=count > 0) ** self._power
        return (told * rarity.clip(max=self._most)).max(axis=1, initial=1.0)
