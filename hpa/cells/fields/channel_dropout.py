"""Blackens a landmark channel of a whole image now and then: a stain that failed must not decide.

Whole-channel dropout as in Tompson et al. (2015, arXiv:1411.4280), on the input instead of on maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpa.cells.fields.augmentation import ShownField
from hpa.core.errors import InputError


class FieldChannelDropout:
    """Blackens one of the droppable channels, each as likely.

    Args:
        channels: Channels of the images, in order.
        droppable: Those that may be lost; the one that shows the protein should not be among them.
        probability: How often one is lost, in [0, 1].

    Raises:
        InputError: If the probability is out of its range, or a run would lose its only channel.
    """

    def __init__(self, channels: Sequence[str], droppable: Sequence[str], probability: float) -> None:
        self._rows = [row for row, name in enumerate(channels) if name in droppable]
        self._probability = probability
        if not 0 <= probability <= 1 or len(self._rows) == len(channels):
            raise InputError(
                "field_augment: probability must lie in [0, 1], and a channel must stay that is not droppable; came "
                f"probability={probability}, channels={list(channels)}, droppable={list(droppable)}."
            )

    def __call__(self, shown: ShownField, generator: np.random.Generator) -> ShownField:
        """Return the image, perhaps without a channel."""
        image, coverage = shown
        lost = generator.random() < self._probability
        if not lost or not self._rows:
            return shown
        image = image.copy()
        image[self._rows[int(generator.integers(len(self._rows)))]] = 0
        return image, coverage
