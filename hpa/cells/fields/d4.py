"""Turns and mirrors whole images: cells on a slide have no up or down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpa.cells.fields.augmentation import ShownField
from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError


class FieldD4:
    """Shows an image under a symmetry of the square, each as likely.

    Args:
        symmetries: Names of `hpa.core.dihedral`.

    Raises:
        InputError: If there is none, or a name is unknown.
    """

    def __init__(self, symmetries: Sequence[str]) -> None:
        if not symmetries or not set(symmetries) <= SYMMETRIES.keys():
            raise InputError(
                f"field_augment: symmetries must be some of {', '.join(SYMMETRIES)}; came {list(symmetries)}."
            )
        self._symmetries = tuple(symmetries)

    def __call__(self, shown: ShownField, generator: np.random.Generator) -> ShownField:
        """Return image and coverage under the same symmetry."""
        name = self._symmetries[int(generator.integers(len(self._symmetries)))]
        image, coverage = (np.ascontiguousarray(apply(array, name)) for array in shown)
        return image, coverage
