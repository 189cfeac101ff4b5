"""Changes how strongly each channel of a whole image shines: stains and exposures vary between slides."""

from __future__ import annotations

import numpy as np

from hpa.cells.fields.augmentation import ShownField
from hpa.core.errors import InputError


class FieldLight:
    """Multiplies each channel by a gain of its own, drawn evenly from 1 - `gain` to 1 + `gain`.

    Args:
        gain: Largest relative change, in [0, 1).

    Raises:
        InputError: If the gain is out of its range.
    """

    def __init__(self, gain: float) -> None:
        if not 0 <= gain < 1:
            raise InputError(f"field_augment: gain must lie in [0, 1), not {gain}.")
        self._gain = gain

    def __call__(self, shown: ShownField, generator: np.random.Generator) -> ShownField:
        """Return the image in another light; what exceeds 1 is cut."""
        image, coverage = shown
        gains = generator.uniform(1 - self._gain, 1 + self._gain, (len(image), 1, 1)).astype(np.float32)
        return np.minimum(image * gains, np.float32(1)), coverage
