"""The image table: one row an image, whatever the layout on disk; readers make it, everything else reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32

from hpa.core.errors import DataError, Problem

COLUMNS: tuple[str, ...] = ("image_id", "height", "width", "bits", "pixel_um", "classes", "source", "group", "fold")


@dataclass(frozen=True)
class ImageTable:
    """Images and their metadata.

    Attributes:
        frame: One row an image, RangeIndex. Columns: `image_id` (str), `height`, `width` (int, px; 0 where the files
            cannot be read), `bits` (8 or 16, 0 alike), `pixel_um` (float, NaN alike), `classes` (str, "8|5|0", "" where
            unknown), `source` (str), `group` (str: images that must share a fold, e.g. duplicates), `fold` (int, -1
            before folding); then any further column of metadata (`organ`, `cell_line`, …).
        class_names: Name of each class, in order.
        where: What the table was read from, for messages.
        problems: All that is wrong with the data set; the subject of an image's problem is its image id.
        warnings: What is unusual but usable.
    """

    frame: pd.DataFrame
    class_names: tuple[str, ...]
    where: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        """Count the images."""
        return len(self.frame)

    @property
    def image_ids(self) -> list[str]:
        """List the ids in order."""
        return [str(value) for value in self.frame["image_id"]]

    def targets(self) -> Float32[np.ndarray, "image class"]:
        """Return the image labels as 0/1."""
        matrix = np.zeros((len(self.frame), len(self.class_names)), np.float32)
        for row, text in enumerate(self.frame["classes"]):
            matrix[row, parse_classes(str(text))] = 1
        return matrix

    def require_usable(self) -> ImageTable:
        """Return the table itself.

        Raises:
            DataError: If anything is wrong with any row: training never starts on half a data set.
        """
        if self.problems:
            raise DataError(self.where, self.problems)
        return self

    def with_frame(self, frame: pd.DataFrame) -> ImageTable:
        """Return a table with other rows or columns, index made anew."""
        return replace(self, frame=frame.reset_index(drop=True))

    def rows(self, keep: Bool[np.ndarray, " image"]) -> ImageTable:
        """Return the rows that are marked."""
        return self.with_frame(self.frame[keep])


def parse_classes(text: str) -> list[int]:
    """Return the class numbers of "8|5|0" in the order written; [] of "".

    >>> parse_classes("8|5|0")
    [8, 5, 0]
    """
    return [int(part) for part in text.split("|") if part.strip()]


def format_classes(classes: Sequence[int]) -> str:
    """Return the text of class numbers, the inverse of `parse_classes`.

    >>> format_classes([8, 5, 0])
    '8|5|0'
    """
    return "|".join(str(value) for value in classes)


def read_label_text(text: str, class_names: Sequence[str]) -> tuple[list[int], str | None]:
    """Read the label of an image as users write it, each class once.

    Args:
        text: E.g. "8|5|0".
        class_names: Name of each class that may be named, in order.

    Returns:
        The classes in the order written, and what is wrong with the text or None; classes that are wrong are left out.

    >>> read_label_text("8|5|8", ["a"] * 19)
    ([8, 5], None)
    """
    if not text.strip():
        return [], "no class is named; write class numbers separated by '|', e.g. 8|5|0"
    parts = [part.strip() for part in text.split("|")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return [], f"'{text}' cannot be read; write class numbers separated by '|', e.g. 8|5|0"
    named = list(dict.fromkeys(int(part) for part in parts))
    known = [value for value in named if value < len(class_names)]
    unknown = [str(value) for value in named if value >= len(class_names)]
    if unknown:
        last = len(class_names) - 1
        return known, (
            f"class {', '.join(unknown)} of '{text}' is unknown; "
            f"the classes are 0 ({class_names[0]}) to {last} ({class_names[last]})"
        )
    return known, None
