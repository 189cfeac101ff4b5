"""A field of view in memory, and the cells found in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, UInt8, UInt16

from hpa.core.errors import InputError

MICROSCOPE_UM = (0.005, 50.0)
"""Sides of pixels that microscopes have, µm; zeros and placeholders lie outside."""


@dataclass(frozen=True)
class Field:
    """One field of view: grey planes as they were stored.

    Attributes:
        image_id: Name of the image.
        pixels: Planes, 8 or 16 bit unsigned, not rescaled.
        channels: Name of each plane, e.g. ("red", "green", "blue", "yellow").
        pixel_um: Side of a pixel in µm.
    """

    image_id: str
    pixels: UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"]
    channels: tuple[str, ...]
    pixel_um: float

    def plane(self, channel: str) -> UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]:
        """Return the plane of one channel.

        Raises:
            InputError: If the field does not hold this channel.
        """
        if channel not in self.channels:
            raise InputError(
                f"{self.image_id}: channel '{channel}' is needed, the field holds {', '.join(self.channels)}; "
                "add it to data.channels, name one of these in the segmenter's settings (segmenter.nucleus_channel, "
                "segmenter.cell_channels), or choose a segmenter or model that does without."
            )
        return self.pixels[self.channels.index(channel)]


@dataclass(frozen=True)
class Segmentation:
    """The cells of a field.

    Attributes:
        cells: Label map, 0 background, cells numbered 1..n without gaps.
        nuclei: Label map with the number of the cell each nucleus lies in, or None where a segmenter finds none.
    """

    cells: Int32[np.ndarray, "height width"]
    nuclei: Int32[np.ndarray, "height width"] | None = None
