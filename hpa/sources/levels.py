"""How much of the range of levels the images of a set use: data of another bit depth are seen before they mislead.

A network divides levels by the largest of the file's type. A camera of 12 bit that writes 16-bit files uses a sixteenth
of them: trained and predicted alike this does no harm, but after training on 8-bit files such images are 16 times too
dark. So a run keeps the bright levels of its images, and other images are compared with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpa.core.errors import InputError
from hpa.interfaces import ImageSource, Split

SAMPLE_IMAGES = 8
"""Images that are measured, spread evenly over the set."""
_BRIGHT_PERCENTILE = 99.9
_FACTOR = 6.0
"""From this ratio on levels count as of another depth: 8 bit in 12 is a factor of 16, two bits are one of 4."""
_CAMERA_BITS = (10, 12, 14)


def measure_levels(source: ImageSource, image_ids: Sequence[str], split: Split) -> dict[str, float]:
    """Return the bright level of each channel as a share of the type's range: the median over a few images.

    Images that cannot be read are left to those who read all of them.
    """
    step = max(1, math.ceil(len(image_ids) / SAMPLE_IMAGES))
    found: dict[str, list[float]] = {}
    for image_id in image_ids[::step]:
        try:
            field = source.read(image_id, split)
        except InputError:
            continue
        for channel, plane in zip(field.channels, field.pixels, strict=True):
            share = float(np.percentile(plane[::4, ::4], _BRIGHT_PERCENTILE)) / np.iinfo(plane.dtype).max
            found.setdefault(channel, []).append(share)
    return {channel: round(float(np.median(shares)), 6) for channel, shares in found.items()}


def level_warnings(trained: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    """Return a warning where images use another range of levels than those that a run was trained on.

    >>> level_warnings({"green": 0.5}, {"green": 0.4}), len(level_warnings({"green": 0.5}, {"green": 0.03}))
    ([], 1)
    """
    ratios = {
        channel: found[channel] / trained[channel]
        for channel in trained
        if channel in found and trained[channel] > 0 and found[channel] > 0
    }
    beyond = {channel: ratio for channel, ratio in ratios.items() if max(ratio, 1 / ratio) >= _FACTOR}
    if not beyond or len(beyond) < len(ratios) / 2:  # one stain alone may be weak
        return []
    ratio = float(np.median(list(beyond.values())))
    how = f"{1 / ratio:.0f} times darker" if ratio < 1 else f"{ratio:.0f} times brighter"
    return [
        f"the images are {how} than those that the network was trained on ({', '.join(beyond)}): are they of another "
        "bit depth, e.g. 12 bit in 16-bit files? Then data.bits=12 stretches their levels"
    ]


def unused_bits(largest: int, dtype_bits: int) -> int | None:
    """Return the bits of the camera that a largest level hints at, None where levels use most of the range.

    >>> unused_bits(4095, 16), unused_bits(900, 16), unused_bits(40000, 16), unused_bits(200, 8)
    (12, 10, None, None)
    """
    if dtype_bits != 16 or largest <= 255:
        return None
    return next((bits for bits in _CAMERA_BITS if largest < 1 << bits), None)
