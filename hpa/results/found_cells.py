"""Cells of many images: which there are, their classes, where their pixels are; the images are read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float32, Int32

from hpa.core.errors import Problem
from hpa.core.field import Field
from hpa.core.label_map import labels_of

Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True)
class CellTable:
    """One row a cell, the cells of an image together.

    Attributes:
        image_ids: Every image, those without cells too.
        image: Row of the image of each cell.
        number: Of each cell in its label map, ascending within an image.
        confidences: NaN where a class is not predicted for a cell.
        targets: Classes by annotation, 0/1; NaN rows where they are not known. None where none is known.
        targets_are_of_images: Whether `targets` are the labels of whole images.
        measurements: Further numbers of each cell by name; NaN where they are not known.
        problems: Images whose cells cannot be read; they are not among `image_ids`.
    """

    image_ids: tuple[str, ...]
    image: Int32[np.ndarray, " cell"]
    number: Int32[np.ndarray, " cell"]
    confidences: Float32[np.ndarray, "cell class"]
    targets: Float32[np.ndarray, "cell class"] | None = None
    targets_are_of_images: bool = False
    measurements: Mapping[str, Float32[np.ndarray, " cell"]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def rows_of(self, image: int) -> slice:
        """Return the rows of the cells of an image."""
        first, last = np.searchsorted(self.image, (image, image + 1))
        return slice(int(first), int(last))


class ReadsImages(Protocol):
    """Images by name."""

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""


class FoundCells(Protocol):
    """Cells in a file or folder."""

    class_names: tuple[str, ...]

    def table(self) -> CellTable:
        """Read all cells, without their pixels."""

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""

    def masks(self, image_id: str) -> Iterator[Mask]:
        """Return the masks of an image's cells, in the order of the table; they may overlap.

        Raises:
            InputError: If they are damaged.
        """

    def label_map(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Return the cells of an image by their numbers; of overlapping ones the smaller is on top.

        Raises:
            InputError: If they are damaged.
        """


def masks_of(label_map: Int32[np.ndarray, "height width"]) -> Iterator[Mask]:
    """Yield the mask of each cell, by number."""
    return (label_map == number for number in labels_of(label_map))
