"""Side of a pixel of each image of a folder: as a user gives it, else as files say, else as it is estimated."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpa.core.channels import CHANNELS, HPA_FIELD_WIDTH_UM
from hpa.core.errors import InputError
from hpa.formats.image_header import Scene
from hpa.formats.pixel_size import not_square, side_of


@dataclass
class KnownSizes:
    """What is known of the size of pixels.

    Attributes:
        given: Side of a pixel, µm, of all images or of each by name; None takes that of the files.
        estimated_um: Taken where nothing says it; None makes it NaN.
        notes: What was assumed of sizes that files have, each once.
    """

    given: float | Mapping[str, float] | None
    estimated_um: float | None = None
    notes: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.given, float | int) and not (math.isfinite(self.given) and self.given > 0):
            raise InputError(f"a pixel size above 0 µm is expected, came {self.given}.")

    def of(self, image_id: str, scenes: Sequence[Scene], channels: Collection[str]) -> float:
        """Return the side of a pixel, µm; images of the four channels of the Atlas are as wide as its fields.

        Args:
            image_id: The image.
            scenes: What the headers of its files say.
            channels: Channels that are files of their own.

        Raises:
            InputError: If sizes of other images are given, or its files differ.
        """
        if isinstance(self.given, Mapping):
            if image_id not in self.given:
                raise InputError(f"the size of its pixels is not known, that of {len(self.given)} other images is.")
            return self.given[image_id]
        if self.given is not None:
            return self.given
        sizes_um = {round(size, 6) for size in (side_of(scene.pixel_um) for scene in scenes) if not math.isnan(size)}
        if len(sizes_um) > 1:
            raise InputError(f"its files have pixels of {sorted(sizes_um)} µm; give --pixel-um.")
        if sizes_um:
            self.notes |= dict.fromkeys(note for scene in scenes for note in not_square(scene.pixel_um))
            return sizes_um.pop()
        if set(CHANNELS) <= set(channels):
            return HPA_FIELD_WIDTH_UM / scenes[0].width
        return math.nan if self.estimated_um is None else self.estimated_um

    def settings(self) -> dict[str, Any]:
        """Return what is known, as plain types."""
        sizes = sorted(set(self.given.values())) if isinstance(self.given, Mapping) else [self.given]
        estimated = {} if self.estimated_um is None else {"estimated_pixel_um": self.estimated_um}
        return {"pixel_um": sizes[0] if len(sizes) == 1 else sizes, **estimated}
