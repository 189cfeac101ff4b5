"""Crops of the cells of a field, masked and resized: one function for training and inference.

A crop is a square around the cell's bounding box, as in the winning solutions of the HPA single-cell competition (Le et
al., Nature Methods 19:1221, 2022). Training and inference must agree to the pixel, so neither has code of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8, UInt16

from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import boxes_of
from hpa.formats.image_header import MAX_VALUES

REGION_CELL = 1
REGION_NUCLEUS = 2

_MAX_SIDE_PX = math.isqrt(MAX_VALUES)
_CODE_VERSION = 1
"""Rises whenever `crop_cells` gives other pixels for the same settings, so that stored crops are made anew."""


@dataclass(frozen=True)
class CropSpec:
    """How cells are cropped.

    Attributes:
        channels: Channels of a crop, in order.
        side_px: Side of a crop after resizing.
        masked: Whether everything outside the cell is black.
        margin: Free space beside the bounding box, each side, as a share of the box's longer side.
    """

    channels: Sequence[str]
    side_px: int
    masked: bool
    margin: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # YAML hands over a list
        numbers = isinstance(self.side_px, int) and isinstance(self.margin, int | float)
        if not numbers or not 1 <= self.side_px <= _MAX_SIDE_PX or not 0 <= self.margin < 10 or not self.channels:
            raise InputError(
                f"crops need at least one channel, 1 <= side_px <= {_MAX_SIDE_PX} and 0 <= margin < 10; came channels="
                f"{list(self.channels)}, side_px={self.side_px}, margin={self.margin}."
            )

    def fingerprint(self) -> str:
        """Return a text that differs where crops would."""
        settings = asdict(self) | {"code": _CODE_VERSION}
        return digest_of_values(settings)


@dataclass(frozen=True)
class CellCrops:
    """The cells of a field, cell 1 first.

    Attributes:
        pixels: Intensities as the field stores them, not rescaled.
        regions: 0 outside the cell, 1 cell, 2 nucleus (never 2 where the segmenter finds no nuclei).
    """

    pixels: UInt8[np.ndarray, "cell channel side side"] | UInt16[np.ndarray, "cell channel side side"]
    regions: UInt8[np.ndarray, "cell side side"]

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.regions)


def crop_cells(field: Field, segmentation: Segmentation, spec: CropSpec) -> CellCrops:
    """Return each cell of a field in a centred square, padded with zeros beyond the image.

    Shrinking averages over areas, enlarging interpolates linearly; regions are taken at the centre of each pixel.

    Raises:
        InputError: If a channel is missing, sizes differ, or cell numbers have gaps.
    """
    planes = [field.plane(channel) for channel in spec.channels]
    boxes = _boxes_of(field, segmentation)
    side = (spec.side_px, spec.side_px)
    pixels = np.zeros((len(boxes), len(planes), *side), field.pixels.dtype)
    regions = np.zeros((len(boxes), *side), np.uint8)
    for row, box in enumerate(boxes):
        window = _Window(box, spec.margin)
        cell = (segmentation.cells[window.source] == row + 1).view(np.uint8)
        for plane, crop in zip(planes, pixels[row], strict=True):
            inner = plane[window.source]
            _resize(window.padded(cv2.copyTo(inner, cell) if spec.masked else inner), crop)
        if segmentation.nuclei is not None:
            cell[segmentation.nuclei[window.source] == row + 1] = REGION_NUCLEUS
        # the region at the centre of each pixel: an average of region numbers would mean nothing
        cv2.resize(window.padded(cell), side, regions[row], interpolation=cv2.INTER_NEAREST_EXACT)
    return CellCrops(pixels, regions)


class _Window:
    """A square around a box that may reach beyond the image."""

    def __init__(self, box: Sequence[int], margin: float) -> None:
        top, left, bottom, right = box
        longer = max(bottom - top, right - left)
        self.side = longer + 2 * round(margin * longer)
        self.side += self.side % 2  # even, so that it can be halved
        self.top = (top + bottom - self.side) // 2
        self.left = (left + right - self.side) // 2
        # slices end beyond the image without harm; they must not start before it
        self.source = (
            slice(max(self.top, 0), self.top + self.side),
            slice(max(self.left, 0), self.left + self.side),
        )

    def padded(self, inner: Shaped[np.ndarray, "inner_height inner_width"]) -> Shaped[np.ndarray, "window window"]:
        """Return the pixels that lie in the image as a full square, zero beyond the image."""
        if inner.shape == (self.side, self.side):
            return inner
        square = np.zeros((self.side, self.side), inner.dtype)
        top, left = self.source[0].start - self.top, self.source[1].start - self.left
        square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return square


def _boxes_of(field: Field, segmentation: Segmentation) -> list[list[int]]:
    """Return top, left, bottom and right of each cell, after a check of sizes and numbers."""
    for name, label_map in (("cells", segmentation.cells), ("nuclei", segmentation.nuclei)):
        if label_map is not None and label_map.shape != field.pixels.shape[1:]:
            raise InputError(
                f"{field.image_id}: the label map of {name} must have the size of the field, "
                f"{field.pixels.shape[1:]}; it has {label_map.shape}. Segment this very image again."
            )
    return boxes_of(segmentation.cells).tolist()


def _resize(patch: Shaped[np.ndarray, "window window"], out: Shaped[np.ndarray, "side side"]) -> None:
    """Write a patch into a crop of another size."""
    if patch.shape == out.shape:
        out[:] = patch
        return
    if patch.shape[0] >= 2 * out.shape[0]:
        # means of 2 x 2 pixels first: three times faster, and as free of aliasing as one step
        half = patch.shape[0] // 2
        patch = cv2.resize(patch, (half, half), interpolation=cv2.INTER_AREA)
    shrinks = patch.shape[0] > out.shape[0]
    cv2.resize(patch, out.shape[::-1], dst=out, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
