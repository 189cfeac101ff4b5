"""Side of a pixel, estimated from nuclei where no file and no user says it.

Nuclei of cultured cells and tissue are 8 to 20 µm wide, and a watershed finds the same ones over a threefold range of
assumed sizes; so the size at which those that it finds are 13 µm wide in the median is looked for by iteration.
Measured on 70 fluorescence images of the 2018 Data Science Bowl and 8 of other microscopes (nuclei of 9 to 330 px): the
number of nuclei differs from the ground truth by 10 % in the median, as with the best single size for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.label_map import areas_of
from hpa.interfaces import Segmenter

NUCLEUS_UM = 13.0
_SAMPLE_IMAGES = 8
_FEWEST_NUCLEI = 8
_SIDE_PX = 1024
"""Images are reduced to this longer side, after their middle of at most `_MIDDLE_PX` is cut out."""
_MIDDLE_PX = 2048
_STEPS = 8
_AGREEMENT = 1.1
"""Factor between two steps from which on the size counts as found."""
_RANGE_UM = (0.03, 6.0)
_MAX_SPREAD = 2.0
"""Factor between the quartiles of images from which on they are of several magnifications."""

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]
ReducedPlane = UInt8[np.ndarray, "small_height small_width"] | UInt16[np.ndarray, "small_height small_width"]


@dataclass(frozen=True)
class EstimatedSize:
    """A side of a pixel.

    Attributes:
        pixel_um: The side, µm, of two digits.
        nuclei: Number of nuclei that it rests on.
        images: Number of images with enough of them.
    """

    pixel_um: float
    nuclei: int
    images: int

    def __str__(self) -> str:
        """Say what it rests on."""
        images = "one image" if self.images == 1 else f"{self.images} images"
        return (
            f"{self.pixel_um:g} µm, estimated from {self.nuclei} nuclei of {images}, taken to be {NUCLEUS_UM:g} µm "
            "wide; else --pixel-um"
        )


def estimate_size(
    image_ids: Sequence[str], read: Callable[[str], Field], nucleus_channel: str, finder: Segmenter
) -> EstimatedSize:
    """Estimate the side of a pixel from some images.

    Args:
        image_ids: Images of one magnification.
        read: Reads one of them.
        nucleus_channel: Their stain of the nuclei; of a grey image its only plane.
        finder: Finds nuclei in one grey plane, by sizes in µm.

    Raises:
        InputError: If there are too few nuclei, or images differ in magnification.
    """
    step = math.ceil(len(image_ids) / _SAMPLE_IMAGES)
    sizes_um: list[float] = []
    counts: list[int] = []
    for image_id in image_ids[::step]:
        try:
            field = read(image_id)
            name = nucleus_channel if nucleus_channel in field.channels else field.channels[0]
            size_um, count = size_of(field.plane(name), finder)
        except InputError:  # named where it is segmented
            continue
        if not math.isnan(size_um):
            sizes_um.append(size_um)
            counts.append(count)
    remedy = "give it by --pixel-um (the microscope's program shows it), or in column pixel_um of index.csv"
    if sum(counts) < _FEWEST_NUCLEI:
        raise InputError(
            f"no file says the size of its pixels, and {sum(counts)} nuclei are too few to estimate it; {remedy}."
        )
    low, middle, high = np.quantile(sizes_um, [0.25, 0.5, 0.75])
    if high / low > _MAX_SPREAD:
        raise InputError(
            f"no file says the size of its pixels, and images seem to differ in magnification ({low:.2g} to {high:.2g} "
            f"µm); sort them into folders, or {remedy}."
        )
    return EstimatedSize(float(f"{middle:.2g}"), sum(counts), len(counts))


def size_of(plane: Plane, finder: Segmenter) -> tuple[float, int]:
    """Return the side of a pixel at which nuclei are as wide as usual, and their number; NaN and 0 where there is none.

    Args:
        plane: Stain of the nuclei.
        finder: As for `estimate_size`.
    """
    small, shrink = _reduced(plane)
    assumed_um = 1.0
    for _ in range(_STEPS):
        field = Field("nuclei", small[None], ("grey",), assumed_um)
        areas = areas_of(finder.segment([field])[0].cells)
        width_px = float(2 * np.sqrt(np.median(areas) / np.pi)) if len(areas) else 0.0
        found_um = NUCLEUS_UM / width_px if width_px else 2 * assumed_um  # perhaps all are below the least area
        found_um = min(max(found_um, _RANGE_UM[0]), _RANGE_UM[1])
        if len(areas) and 1 / _AGREEMENT < found_um / assumed_um < _AGREEMENT:
            return found_um / shrink, len(areas)
        assumed_um = found_um
    return math.nan, 0


def _reduced(plane: Plane) -> tuple[ReducedPlane, float]:
    """Return the middle of a plane, made smaller, and by which factor."""
    height, width = plane.shape
    top, left = max(0, height - _MIDDLE_PX) // 2, max(0, width - _MIDDLE_PX) // 2
    middle = plane[top : top + _MIDDLE_PX, left : left + _MIDDLE_PX]
    shrink = max(1.0, max(middle.shape) / _SIDE_PX)
    if shrink == 1:
        return middle, shrink
    size = (round(middle.shape[1] / shrink), round(middle.shape[0] / shrink))
    return cv2.resize(middle, size, interpolation=cv2.INTER_AREA), shrink
