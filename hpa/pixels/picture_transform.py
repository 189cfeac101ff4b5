"""Our own changes of colour pictures as steps among albumentations transforms (`augment=tissue…`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations
import numpy as np
from jaxtyping import Float32

PictureChange = Callable[[Float32[np.ndarray, "height width 3"], np.random.Generator], np.ndarray]
"""Changes a picture of red, green and blue light in [0, 1], at random by the generator alone."""


class PictureTransform(albumentations.ImageOnlyTransform):  # type: ignore[misc]  # the library has no types
    """A change of a picture as an albumentations transform.

    Args:
        change: The change.
        p: Probability of the change (albumentations' name).
    """

    def __init__(self, change: PictureChange, p: float) -> None:
        super().__init__(p=p)
        self.change = change

    def get_params(self) -> dict[str, int]:
        """Return the seed of one change."""
        return {"seed": self.py_random.getrandbits(32)}

    def apply(
        self, img: Float32[np.ndarray, "height width 3"], seed: int, **_params: Any
    ) -> Float32[np.ndarray, "height width 3"]:
        """Return the changed picture."""
        return self.change(img, np.random.default_rng(seed))
