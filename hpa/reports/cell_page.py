"""The page of `hpa show`: images with outlined cells and their classes, to be looked at, filtered and listed.

Images are shrunk, each channel a grey picture of its own: the page's script tints and adds those that are switched on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.reports.class_styles import PATTERNS, class_styles
from hpa.reports.page import data_uri, render, write_page
from hpa.reports.pictures import BLACK_PERCENTILE, MIN_SPAN, OTHER_TINT, TINT_OF_CHANNEL, WHITE_PERCENTILE
from hpa.reports.weakest_classes import weakest_classes

MAX_IMAGES = 300
"""About 100 MB at four channels of 640 px: more is slow to open in a browser."""
SIDE_PX = 640
_SCRIPT = "cell_page.js"
_TOLERANCE_PX = 0.6
Mask = Bool[np.ndarray, "mask_height mask_width"]


@dataclass(frozen=True)
class Outlines:
    """Cells of the ground truth.

    Attributes:
        masks: One a cell, of the size of the image.
        classes: Numbers of the classes of each cell.
    """

    masks: Iterable[Mask]
    classes: Sequence[Sequence[int]]


@dataclass(frozen=True)
class OtherCells:
    """Cells of another segmentation of an image.

    Attributes:
        masks: One a cell, of the size of the image.
        words: What it has in common with the cells of the page.
    """

    masks: Iterable[Mask]
    words: str


@dataclass(frozen=True)
class ShownImage:
    """An image with its cells.

    Attributes:
        field: Its pixels.
        masks: One a cell, of the size of the image; made one by one, for all at once may not fit the memory.
        confidences: NaN where a class is not predicted for a cell.
        truth: 0/1 classes of each cell, NaN rows where not known; None where nothing is known.
        numbers: Number of each cell in its label map; None: 1, 2, … in order.
        true_cells: The ground truth itself, drawn beside; None where it is not known.
        others: Other segmentations of the image, drawn beside, as many as the page names.
    """

    field: Field
    masks: Iterable[Mask]
    confidences: Float[np.ndarray, "cell class"]
    truth: Float[np.ndarray, "cell class"] | None = None
    numbers: Sequence[int] | None = None
    true_cells: Outlines | None = None
    others: Sequence[OtherCells] = ()


class CellPage:
    """Collects images, shrunk at once, and writes the page.

    Args:
        title: Heading.
        command: Command line that made the page.
        class_names: Name of each class.
        beside: Name of each other segmentation that the images bring.
    """

    def __init__(self, title: str, command: str, class_names: Sequence[str], beside: Sequence[str] = ()) -> None:
        self._title, self._command = title, command
        self._beside = tuple(beside)
        self._class_names = tuple(class_names)
        self._images: list[dict[str, Any]] = []

    @property
    def count(self) -> int:
        """Count the images taken."""
        return len(self._images)

    def add(self, image: ShownImage | dict[str, Any]) -> None:
        """Take an image, or what `shrunk` made of it.

        Raises:
            InputError: If there are too many, a mask has another size than the image, or channels differ.
        """
        if len(self._images) == MAX_IMAGES:
            raise InputError(f"a page shows at most {MAX_IMAGES} images; choose some with --images ID,ID.")
        made = image if isinstance(image, dict) else shrunk(image)
        if self._images and made["channels"] != self._images[0]["channels"]:
            own, first = (", ".join(one["channels"]) for one in (made, self._images[0]))
            raise InputError(
                f"its channels ({own}) are not those of the first image on the page ({first}); show it on a page of "
                "its own: hpa show --images ID."
            )
        self._images.append(made)

    def write(self, path: Path, images_of_all: int | None = None) -> None:
        """Write the page, whole or not at all.

        Args:
            path: The file.
            images_of_all: How many images there are where the page holds the first of them only.
        """
        looks = zip(self._class_names, class_styles(len(self._class_names)), strict=True)
        channels = self._images[0]["channels"] if self._images else []
        data = {
            "channels": [{"name": name, "tint": _tint(name)} for name in channels],
            "classes": [
                {"name": name, "colour": look.colour, "css": look.css, "dash": PATTERNS[look.pattern]}
                for name, look in looks
            ],
            "images": self._images,
        }
        html = render(
            "cell_page.html.jinja",
            script=_SCRIPT,
            title=self._title,
            command=self._command,
            side_px=SIDE_PX,
            images=len(self._images),
            images_of_all=images_of_all or len(self._images),
            cells=sum(len(image["cells"]) for image in self._images),
            has_classes=bool(self._class_names),
            beside=self._beside,
            has_truth=any(image["true"] is not None for image in self._images),
            has_known=any(cell["truth"] is not None for image in self._images for cell in image["cells"]),
            weakest=weakest_classes(self._images, self._class_names),
            page=data,
        )
        write_page(path, html)


def shrunk(image: ShownImage) -> dict[str, Any]:
    """Return an image with its cells as plain values, as the page holds it.

    Raises:
        InputError: If a mask has another size than the image.
    """
    height, width = image.field.pixels.shape[1:]
    factor = min(1.0, SIDE_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    true = image.true_cells
    return {
        "id": image.field.image_id,
        "channels": list(image.field.channels),
        "width": size[0],
        "height": size[1],
        "planes": [data_uri(_grey(plane, size)) for plane in image.field.pixels],
        "cells": [_cell(image, row, mask, size) for row, mask in enumerate(image.masks)],
        "others": [
            {
                "words": other.words,
                "cells": [
                    {"number": number, "lines": _lines(image, mask, size), "scores": []}
                    for number, mask in enumerate(other.masks, start=1)
                ],
            }
            for other in image.others
        ],
        "true": None
        if true is None
        else [
            {"number": number, "lines": _lines(image, mask, size), "scores": [[int(index), 1] for index in classes]}
            for number, (mask, classes) in enumerate(zip(true.masks, true.classes, strict=True), start=1)
        ],
    }


def _tint(channel: str) -> list[int]:
    return [round(255 * part) for part in TINT_OF_CHANNEL.get(channel, OTHER_TINT)]


def _grey(plane: np.ndarray, size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
    """Return a channel shrunk and stretched between its own percentiles."""
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.iinfo(plane.dtype).max
    black, white = np.percentile(small, (BLACK_PERCENTILE, WHITE_PERCENTILE))
    level = np.clip((small - black) / max(float(white - black), MIN_SPAN), 0, 1)
    return np.repeat(np.rint(255 * level).astype(np.uint8)[..., None], 3, axis=2)


def _cell(image: ShownImage, row: int, mask: Mask, size: tuple[int, int]) -> dict[str, Any]:
    confidences = image.confidences[row]
    known = np.flatnonzero(np.isfinite(confidences))
    order = known[np.argsort(-confidences[known], kind="stable")]
    truth = None if image.truth is None else image.truth[row]
    return {
        "number": row + 1 if image.numbers is None else int(image.numbers[row]),
        "lines": _lines(image, mask, size),
        "scores": [[int(index), round(float(confidences[index]), 4)] for index in order],
        "truth": None if truth is None or not np.isfinite(truth).all() else np.flatnonzero(truth > 0.5).tolist(),
    }


def _lines(image: ShownImage, mask: Mask, size: tuple[int, int]) -> list[list[int]]:
    """Return the outlines x, y, x, y, … in px of the shrunk image."""
    height, width = image.field.pixels.shape[1:]
    if mask.shape != (height, width):
        raise InputError(f"masks are of another size than the image, {width}×{height} px.")
    left, top, box_width, box_height = cv2.boundingRect(mask.astype(np.uint8))
    window = mask[top : top + box_height, left : left + box_width].astype(np.uint8)
    contours, _ = cv2.findContours(window, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    factor, corner = np.array([size[0] / width, size[1] / height]), np.array([left, top])
    scaled = [np.rint((contour[:, 0] + corner + 0.5) * factor).astype(np.int32) for contour in contours]
    return [cv2.approxPolyDP(points[:, None], _TOLERANCE_PX, True).ravel().tolist() for points in scaled]
