"""Augmentation of crops by albumentations, behind our own small role so that the library can be swapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import albumentations
import numpy as np
from jaxtyping import Bool, Float32


class CropAugmentation:
    """Applies a list of albumentations transforms to a crop of any channel count and to its mask.

    Attributes:
        transforms: Transforms in order; those that work on float32 in [0, 1] with any number of channels.
        masked: Blacken the outside of the cell again afterwards: brightness would give away its shape.
    """

    def __init__(self, transforms: Sequence[Any], masked: bool) -> None:
        self.masked = masked
        self._compose = albumentations.Compose(list(transforms))

    def __call__(
        self, crop: Float32[np.ndarray, "side side channel"], mask: Bool[np.ndarray, "side side"], seed: int
    ) -> Float32[np.ndarray, "side side channel"]:
        """Return the changed crop; the same seed gives the same change."""
        self._compose.set_random_seed(seed)
        changed = self._compose(image=crop, mask=mask.astype(np.uint8))
        image = np.clip(changed["image"], 0, 1)
        if self.masked:
            image = image * changed["mask"][..., None].astype(bool)
        return np.ascontiguousarray(image, dtype=np.float32)
