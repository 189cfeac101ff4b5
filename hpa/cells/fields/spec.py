"""Whole images resized to one side, and the coverage of each cell on a grid over them (`model/view=whole_image`).

Training and inference must agree to the pixel, so neither has code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8, UInt16

from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.label_map import boxes_of

_CODE_VERSION = 1
"""Rises whenever other pixels or shares come out for the same settings, so that stored fields are made anew."""


@dataclass(frozen=True)
class FieldSpec:
    """How whole images are resized.

    Attributes:
        channels: Channels, in order.
        side_px: Side of the square that an image is fitted into, its longer side filling it.
    """

    channels: Sequence[str]
    side_px: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # YAML hands over a list
        if self.side_px < 1 or not self.channels:
            raise InputError(
                f"fields need at least one channel and side_px >= 1; came channels={list(self.channels)}, "
                f"side_px={self.side_px}."
            )

    def fingerprint(self) -> str:
        """Return a digest that differs where the resized images would."""
        settings = asdict(self) | {"code": _CODE_VERSION}
        return digest_of_values(settings)

    def grid_of(self, stride: int) -> int:
        """Return the length of a side of the coverage grid of this stride.

        Raises:
            InputError: If the stride does not divide the side.
        """
        if self.side_px % stride:
            raise InputError(
                f"field.side_px={self.side_px} is no multiple of model.stride={stride}; write field.side_px="
                f"{max(1, round(self.side_px / stride)) * stride}."
            )
        return self.side_px // stride

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of an image inside the square, px."""
        factor = self.side_px / max(height, width)
        return max(1, round(height * factor)), max(1, round(width * factor))


def resized_field(
    field: Field, spec: FieldSpec
) -> UInt8[np.ndarray, "channel side side"] | UInt16[np.ndarray, "channel side side"]:
    """Return the planes of a field fitted into the upper left of a black square, at the field's own bit depth.

    Shrinking averages over areas, enlarging interpolates linearly.

    Raises:
        InputError: If the field lacks a channel.
    """
    height, width = spec.size_of(*field.pixels.shape[1:])
    method = cv2.INTER_AREA if height < field.pixels.shape[1] else cv2.INTER_LINEAR
    resized = np.zeros((len(spec.channels), spec.side_px, spec.side_px), field.pixels.dtype)
    for plane, channel in zip(resized, spec.channels, strict=True):
        plane[:height, :width] = cv2.resize(field.plane(channel), (width, height), interpolation=method)
    return resized


def coverage_of(
    cells: Int32[np.ndarray, "height width"], spec: FieldSpec, stride: int
) -> Float32[np.ndarray, "cell grid grid"]:
    """Return for each cell the share of its area in each position of a grid over the resized square.

    A pixel on the border of positions counts for each by its part there, so that shares are exact at any scale.

    Args:
        cells: Label map at full size, cells numbered 1..n.
        spec: How the image is resized.
        stride: Side of a position, px of the resized square.

    Raises:
        InputError: If the cells' numbers have gaps, or the stride does not divide the side.
    """
    grid = spec.grid_of(stride)
    height, width = cells.shape
    resized_height, resized_width = spec.size_of(height, width)
    rows = _Axis(height, resized_height / stride)
    columns = _Axis(width, resized_width / stride)
    boxes = boxes_of(cells)
    coverage = np.zeros((len(boxes), grid, grid), np.float32)
    for cell, (top, left, bottom, right) in enumerate(boxes.tolist(), start=1):
        mask = (cells[top:bottom, left:right] == cell).astype(np.float64)
        first_row, over_rows = rows.overlap(top, bottom)
        first_column, over_columns = columns.overlap(left, right)
        # (position, px) @ (px, px) @ (px, position): the area of the mask in each position
        area = over_rows @ mask @ over_columns.T / mask.sum()
        coverage[cell - 1, first_row : first_row + area.shape[0], first_column : first_column + area.shape[1]] = area
    return coverage


class _Axis:
    """The pixels along one side of an image over the positions of a grid."""

    def __init__(self, pixels: int, positions: float) -> None:
        self._edges = np.linspace(0, positions, pixels + 1)

    def overlap(self, start: int, stop: int) -> tuple[int, Float64[np.ndarray, "position px"]]:
        """Return the first position that some pixels touch, and the part of each pixel in each position, 0 to 1."""
        lower, upper = self._edges[start:stop], self._edges[start + 1 : stop + 1]
        positions = np.arange(int(lower[0]), int(np.ceil(upper[-1])))[:, None]
        shared = np.minimum(upper, positions + 1) - np.maximum(lower, positions)
        return int(positions[0, 0]), np.clip(shared, 0, None) / (upper - lower)
