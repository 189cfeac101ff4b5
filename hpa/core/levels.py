"""How much of the range of levels images use: images of another bit depth are seen before they mislead a network.

A network divides levels by the largest of the file's type. A camera of 12 bit that writes 16-bit files uses a sixteenth
of them: trained and predicted alike this does no harm, but after training on 8-bit files such images are 16 times too
dark. So a run keeps the levels of its images, and other images are compared with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hpa.core.field import Field

_BRIGHT_PERCENTILE = 99.9
_STEP_PX = 4
"""Every so many rows and columns are looked at."""
_ANY_FACTOR = 6.0
"""From this ratio on levels count as of another depth: 8 bit in 12 is a factor of 16, two bits are one of 4."""
_DEPTH_FACTOR = 2.0
"""A smaller ratio counts where the largest levels, too, hint at another depth."""
_CAMERA_BITS = (10, 12, 14)


@dataclass(frozen=True)
class Levels:
    """The levels of a few images of one depth.

    Attributes:
        bright: Bright level of each channel as a share of the range of the type: the median over the images.
        largest: Largest level of all of them; 0 where a checkpoint of before did not keep it.
        file_bits: 8 or 16; 0 where it is not known.
        images: Their names; () in a checkpoint.
    """

    bright: Mapping[str, float]
    largest: int = 0
    file_bits: int = 0
    images: tuple[str, ...] = ()

    @property
    def used_bits(self) -> int:
        """Bits that a camera with these levels seems to have; 0 where that is not known."""
        return unused_bits(self.largest, self.file_bits) or self.file_bits

    def in_words(self) -> str:
        """Return depth and largest level; "" where they are not known."""
        return f"{self.file_bits} bit, levels up to {self.largest}" if self.file_bits else ""

    def as_json(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as plain types."""
        kept = asdict(self) | {"bright": dict(self.bright)}
        del kept["images"]  # nothing that a reader needs, and names may be private
        return kept

    @classmethod
    def from_json(cls, content: object) -> Levels | None:
        """Return what `as_json` gave; None where it is something else."""
        if not isinstance(content, dict) or not isinstance(content.get("bright"), dict):
            return None
        bright = {
            str(name): float(share) for name, share in content["bright"].items() if isinstance(share, int | float)
        }
        numbers = [content.get(name) for name in ("largest", "file_bits")]
        largest, file_bits = (number if isinstance(number, int) else 0 for number in numbers)
        return cls(bright, largest, file_bits)


def levels_of(fields: Iterable[Field]) -> list[Levels]:
    """Return the levels of fields, those of 8 and of 16 bit apart; one field is held at a time."""
    groups: dict[int, list[Levels]] = {}
    for field in fields:
        one = _levels_of_field(field)
        groups.setdefault(one.file_bits, []).append(one)
    return [_combined_levels(groups[file_bits]) for file_bits in sorted(groups)]


def level_warnings(trained: Sequence[Levels], found: Sequence[Levels]) -> list[str]:
    """Return a warning for images that use another range of levels than all those that a run was trained on.

    >>> eight, twelve = Levels({"green": 0.5}, 255, 8), Levels({"green": 0.03}, 4095, 16, ("a",))
    >>> level_warnings([eight, twelve], [twelve]), len(level_warnings([eight], [twelve]))
    ([], 1)
    """
    warnings = []
    for levels in found:
        ratios = [(one, _ratio(one, levels)) for one in trained]
        nearest, ratio = min(ratios, key=lambda pair: abs(math.log(pair[1])), default=(levels, 1.0))
        if ratio != 1.0:
            warnings.append(_warning(nearest, levels, ratio))
    return warnings


def unused_bits(largest: int, dtype_bits: int) -> int | None:
    """Return the bits of the camera that a largest level hints at, None where levels use most of the range.

    >>> unused_bits(4095, 16), unused_bits(900, 16), unused_bits(40000, 16), unused_bits(200, 8)
    (12, 10, None, None)
    """
    if dtype_bits != 16 or largest <= 255:
        return None
    return next((bits for bits in _CAMERA_BITS if largest < 1 << bits), None)


def _levels_of_field(field: Field) -> Levels:
    largest = np.iinfo(field.pixels.dtype).max
    bright = {
        channel: float(np.percentile(plane[::_STEP_PX, ::_STEP_PX], _BRIGHT_PERCENTILE)) / largest
        for channel, plane in zip(field.channels, field.pixels, strict=True)
    }
    return Levels(bright, int(field.pixels.max(initial=0)), 8 * field.pixels.dtype.itemsize, (field.image_id,))


def _combined_levels(levels: Sequence[Levels]) -> Levels:
    """Return the levels of several images of one depth."""
    channels = dict.fromkeys(channel for one in levels for channel in one.bright)
    shares = {name: [one.bright[name] for one in levels if name in one.bright] for name in channels}
    return Levels(
        {name: round(float(np.median(listed)), 6) for name, listed in shares.items()},
        max(one.largest for one in levels),
        levels[0].file_bits,
        tuple(name for one in levels for name in one.images),
    )


def _ratio(trained: Levels, found: Levels) -> float:
    """Return how many times brighter images are than those of the training; 1 where that is no other depth."""
    ratios = [
        found.bright[channel] / share
        for channel, share in trained.bright.items()
        if share > 0 and found.bright.get(channel, 0) > 0
    ]
    beyond = [ratio for ratio in ratios if _is_other_depth(trained, found, ratio)]
    if not beyond or len(beyond) < len(ratios) / 2:  # one stain alone may be weak
        return 1.0
    return float(np.median(beyond))


def _is_other_depth(trained: Levels, found: Levels, ratio: float) -> bool:
    if max(ratio, 1 / ratio) >= _ANY_FACTOR:
        return True
    if not (trained.file_bits and found.file_bits):
        return False
    step = _range_bits(found) - _range_bits(trained)
    return step != 0 and (ratio if step > 0 else 1 / ratio) >= _DEPTH_FACTOR


def _range_bits(levels: Levels) -> int:
    """Return by how many bits levels exceed the range of their type: -4 of 12 bit in 16, 0 where they use all of it."""
    return levels.used_bits - levels.file_bits


def _warning(trained: Levels, found: Levels, ratio: float) -> str:
    how = f"{1 / ratio:.0f} times darker" if ratio < 1 else f"{ratio:.0f} times brighter"
    named = ", ".join(found.images[:3]) + (", …" if len(found.images) > 3 else "")
    seen = f" ({found.in_words()}: {named})" if found.in_words() else ""
    before = f" ({trained.in_words()})" if trained.in_words() else ""
    return (
        f"the images{seen} are {how} than those that the network was trained on{before}: are they of another bit "
        f"depth? {_remedy(trained, found, ratio)}"
    )


def _remedy(trained: Levels, found: Levels, ratio: float) -> str:
    if ratio < 1:
        step = max(1, (_range_bits(trained) if trained.file_bits else 0) - _range_bits(found))
        bits = max(8, 16 - step) if found.file_bits == 16 else 12
        return (
            f"Then data.bits={bits} stretches the levels of their 16-bit files; of pixels in memory, multiply them by "
            f"{1 << (16 - bits)}"
        )
    return (
        f"Then train with data.bits={trained.used_bits or 12}, which stretches the levels of 16-bit files over their "
        "range; where headers of these images say fewer bits, data.bits=16 leaves their levels as stored"
    )
