"""Augmentation of crops by albumentations, behind our own small role so that the library can be swapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import albumentations
import numpy as np
from jaxtyping import Bool, Float32


class CropAugmentation:
    """Applies a list of albumentations transforms to a crop of any channel count and to its mask.

    Attributes:
        transforms: Transforms in order; those that work on float32 in [0, 1] with any number of channels.
        masked: Blacken what lies outside the cell again afterwards, so that brightness changes do not show its shape.
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


PictureChange = Callable[[Float32[np.ndarray, "height width 3"], np.random.Generator], np.ndarray]
"""Changes a picture of red, green and blue light in [0, 1], at random by the generator alone."""


class PictureTransform(albumentations.ImageOnlyTransform):  # type: ignore[misc]  # the library has no types
    """A change of our own as a step among albumentations transforms.

    Args:
        change: What happens to the picture.
        p: How often it happens, 0 to 1 (albumentations' word).
    """

    def __init__(self, change: PictureChange, p: float) -> None:
        super().__init__(p=p)
        self.change = change

    def get_params(self) -> dict[str, int]:
        """Draw the seed of one change."""
        return {"seed": self.py_random.getrandbits(32)}

    def apply(
        self, img: Float32[np.ndarray, "height width 3"], seed: int, **_params: Any
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the changed picture."""
        return self.change(img, np.random.default_rng(seed))
