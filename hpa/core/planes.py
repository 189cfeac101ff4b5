"""Planes of a field as a network reads them: named channels, one physical scale, intensities in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, Int32

from hpa.core.errors import InputError
from hpa.core.field import Field

GREY = "grey"
COLOURS: tuple[str, ...] = ("red", "green", "blue")
LUMA: tuple[float, ...] = (0.299, 0.587, 0.114)
"""Share of red, green and blue in the brightness of a colour picture (ITU-R BT.601)."""
_SAMPLE_PX = 1 << 18
"""Percentiles are taken of about so many pixels on a regular grid: of all of 3000² they cost more than the network."""


class PlaneLevels(NamedTuple):
    """What intensities become 0 and 1.

    Attributes:
        low: Becomes 0, of each channel; None where 0 does.
        span: What lies between, of each channel or of all.
    """

    low: Float32[np.ndarray, "channel 1 1"] | None
    span: Float32[np.ndarray, "channel 1 1"] | np.float32


@dataclass(frozen=True)
class PlaneSpec:
    """How planes are scaled before a network sees them, in training and afterwards alike.

    Attributes:
        pixel_um: Side of a pixel that images are resampled to, µm; None leaves them as they are.
        low_percentile: Intensity that becomes 0, per image and channel.
        high_percentile: Intensity that becomes 1; with 0 and 100 given as null, see below.
        by_percentile: False divides by the maximum of the bit depth instead: for stains whose absolute intensity
            matters, and for colour pictures.
    """

    pixel_um: float | None
    by_percentile: bool
    low_percentile: float
    high_percentile: float

    def __post_init__(self) -> None:
        if self.pixel_um is not None and not (math.isfinite(self.pixel_um) and self.pixel_um > 0):
            raise InputError(f"tiles.planes.pixel_um={self.pixel_um}: a size in µm above 0 is expected, or null.")
        if not 0 <= self.low_percentile < self.high_percentile <= 100:
            raise InputError(
                "tiles.planes needs 0 <= low_percentile < high_percentile <= 100; came "
                f"{self.low_percentile} and {self.high_percentile}."
            )

    def prepare(self, field: Field, channels: Sequence[str]) -> Float32[np.ndarray, "channel scaled_h scaled_w"]:
        """Return the planes of a field, in the order of `channels`, resampled and in [0, 1]; NaN becomes 0.

        Raises:
            InputError: If the field lacks a channel, or its pixel size where one is needed.
        """
        pixels = np.stack([plane_of(field, channel) for channel in channels])
        stride = self.stride_of(*pixels.shape[1:])
        sample = None if stride is None else pixels[:, ::stride, ::stride].reshape(len(pixels), -1)
        scaled = self.scaled(pixels, self.levels_of(sample, float(np.iinfo(field.pixels.dtype).max)))
        height, width = self.size_of(field)
        return resized(scaled, height, width)

    def size_of(self, field: Field) -> tuple[int, int]:
        """Return height and width of a field after resampling, px.

        Raises:
            InputError: If the pixel size is needed and not known.
        """
        _, height, width = field.pixels.shape
        return self.scaled_size(field.image_id, height, width, field.pixel_um)

    def scaled_size(self, image_id: str, height: int, width: int, pixel_um: float) -> tuple[int, int]:
        """Return height and width of an image after resampling, px; arguments are its own, errors as of `size_of`."""
        if self.pixel_um is None:
            return height, width
        if not (math.isfinite(pixel_um) and pixel_um > 0):
            raise InputError(
                f"{image_id}: its pixel size is not known, and the network wants {self.pixel_um} µm; "
                "give data.pixel_um."
            )
        factor = pixel_um / self.pixel_um
        return max(1, round(height * factor)), max(1, round(width * factor))

    def stride_of(self, height: int, width: int) -> int | None:
        """Return the step, px, of the grid of pixels that percentiles are taken of, None where none are."""
        return max(1, math.isqrt(height * width // _SAMPLE_PX)) if self.by_percentile else None

    def levels_of(self, sample: Float32[np.ndarray, "channel sample"] | None, max_intensity: float) -> PlaneLevels:
        """Return the levels that become 0 and 1.

        Args:
            sample: Pixels of the whole image on the grid of `stride_of`; None where that is None.
            max_intensity: Of the bit depth.
        """
        if sample is None:
            return PlaneLevels(None, np.float32(max_intensity))
        low, high = np.percentile(sample, [self.low_percentile, self.high_percentile], axis=1).astype(np.float32)
        # a constant plane becomes 0; the span is at least one grey level
        return PlaneLevels(low[:, None, None], np.maximum(high - low, np.float32(1.0))[:, None, None])

    def scaled(
        self, pixels: Float32[np.ndarray, "channel height width"], levels: PlaneLevels
    ) -> Float32[np.ndarray, "channel height width"]:
        """Return planes in [0, 1]."""
        if levels.low is None:
            return pixels / levels.span
        return np.clip((pixels - levels.low) / levels.span, 0, 1)


def resized(
    planes: Float32[np.ndarray, "channel height width"], height: int, width: int
) -> Float32[np.ndarray, "channel new_height new_width"]:
    """Return planes at another size: averaged where they shrink, bilinear where they grow."""
    if planes.shape[1:] == (height, width):
        return planes
    method = cv2.INTER_AREA if height * width < planes[0].size else cv2.INTER_LINEAR
    return np.stack([cv2.resize(plane, (width, height), interpolation=method) for plane in planes])


def resized_label_map(
    label_map: Int32[np.ndarray, "height width"], height: int, width: int
) -> Int32[np.ndarray, "new_height new_width"]:
    """Return a label map at another size: every pixel takes the number of the nearest."""
    if label_map.shape == (height, width):
        return label_map
    # OpenCV resizes no 32-bit integers; float64 holds them exactly
    return cv2.resize(label_map.astype(np.float64), (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int32)


def plane_of(field: Field, channel: str) -> Float32[np.ndarray, "height width"]:
    """Return a plane by name; a colour picture has a grey one, and a grey picture stands for every colour."""
    if channel == GREY and GREY not in field.channels and set(COLOURS) <= set(field.channels):
        planes = [share * field.plane(name).astype(np.float32) for share, name in zip(LUMA, COLOURS, strict=True)]
        return np.asarray(sum(planes), np.float32)
    name = GREY if channel in COLOURS and field.channels == (GREY,) else channel
    return field.plane(name).astype(np.float32)
