"""Cells of an image in memory: `hpa.segment`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32

from hpa.api.fields import Image, Reading
from hpa.api.parts import part
from hpa.api.words import Settings
from hpa.core.errors import InputError
from hpa.interfaces import Segmenter


def segment(
    image: Image,
    segmenter: str | Segmenter = "watershed",
    *,
    pixel_um: float | None = None,
    channels: tuple[str, ...] | list[str] | None = None,
    settings: Settings | None = None,
) -> Int32[np.ndarray, "height width"]:
    """Return the label map of an image's cells: 0 background, cells numbered from 1.

    Args:
        image: (height, width, channel) or (channel, height, width) of uint8 or uint16, (height, width) of one channel,
            or the path of a file.
        segmenter: A choice of `segmenter=` (`conf/segmenter`), or what `hpa.part("segmenter", …)` returned, which
            spares reading weights again.
        pixel_um: Side of a pixel, µm; may be left out where a file knows it.
        channels: Name of each channel of the image, in order; left out: red, green, blue, yellow, and of a grey image
            the one that the segmenter reads.
        settings: Values in place of those of the segmenter's YAML file, e.g. `{"cell_channels": ["green"]}`.

    Raises:
        InputError: If the image, its channels or a setting do not fit, or the side of a pixel is not known.
    """
    if not isinstance(segmenter, str) and (isinstance(segmenter, type) or not isinstance(segmenter, Segmenter)):
        raise InputError(
            f'segmenter: its name is expected, e.g. "watershed", or what hpa.part("segmenter", …) returned; came '
            f"{segmenter!r:.60}."
        )
    if settings and not isinstance(segmenter, str):
        raise InputError('settings are those of a segmenter that is named; give them to hpa.part("segmenter", …).')
    built: Segmenter = part("segmenter", segmenter, settings) if isinstance(segmenter, str) else segmenter
    [field] = Reading(tuple(built.channels), channels, pixel_um).fields([image])
    return built.segment([field])[0].cells
