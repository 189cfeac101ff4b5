"""The cells of a submission: masks as text, classes with confidences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from hpa.core.encoding import decode_mask
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.submission import Detections, parse_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, TableRow, read_table
from hpa.results.found_cells import CellTable, Mask, ReadsImages

MAX_CLASS = 999
"""Higher numbers are damage."""


class SubmissionCells:
    """Cells of a submission, numbered in the order in which their masks first stand in the row.

    Args:
        path: The submission.
        images: Its images.
        class_names: Name of each class; None calls them by their numbers.

    Raises:
        InputError: If the file cannot be read.
    """

    def __init__(self, path: Path, images: ReadsImages, class_names: Sequence[str] | None) -> None:
        self._images = images
        self._rows = {row.image_id: row for row in read_table(path, PREDICTION_COLUMN)}
        self.class_names = self._numbers() if class_names is None else tuple(class_names)

    def table(self) -> CellTable:
        """Read all cells, without their pixels."""
        problems, found = [], {}
        for row in self._rows.values():
            try:
                found[row.image_id] = self._confidences(row)
            except InputError as error:
                problems.append(Problem(row.image_id, str(error)))
        counts = [len(rows) for rows in found.values()]
        return CellTable(
            tuple(found),
            np.repeat(np.arange(len(counts), dtype=np.int32), counts),
            np.concatenate([np.arange(1, count + 1, dtype=np.int32) for count in (*counts, 0)]),
            np.concatenate([np.empty((0, len(self.class_names)), np.float32), *found.values()]),
            problems=tuple(problems),
        )

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""
        return self._images.read(image_id)

    def masks(self, image_id: str) -> Iterator[Mask]:
        """Yield the masks of an image, each once; InputError where there is no row of it, or a damaged one."""
        row = self._row_of(image_id)
        for text in _texts(parse_prediction(row.text)):
            yield decode_mask(text, row.height, row.width)

    def label_map(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Return the cells of an image; of overlapping ones the smaller is on top."""
        row = self._row_of(image_id)
        return on_top_of_each_other(list(self.masks(image_id)), (row.height, row.width))

    def _numbers(self) -> tuple[str, ...]:
        """Return the numbers of the classes as their names; rows that cannot be read are reported by `table`."""
        last = -1
        for row in self._rows.values():
            with suppress(InputError):
                last = max(last, *parse_prediction(row.text).classes.tolist(), -1)
        return tuple(map(str, range(min(last, MAX_CLASS) + 1)))

    def _row_of(self, image_id: str) -> TableRow:
        if image_id not in self._rows:
            raise InputError(f"the submission has no row of image {image_id}.")
        return self._rows[image_id]

    def _confidences(self, row: TableRow) -> np.ndarray:
        found = parse_prediction(row.text)
        unknown = [int(index) for index in found.classes if not 0 <= index < len(self.class_names)]
        if unknown:
            last = len(self.class_names) - 1
            raise InputError(f"class {unknown[0]} is unknown; the classes are 0 to {last}.")
        number_of = {text: number for number, text in enumerate(_texts(found))}
        confidences = np.full((len(number_of), len(self.class_names)), np.nan, np.float32)
        confidences[[number_of[text] for text in found.masks], found.classes] = found.confidences
        return confidences


def on_top_of_each_other(
    masks: Sequence[Mask], shape: tuple[int, int], numbers: Sequence[int] | None = None
) -> Int32[np.ndarray, "height width"]:
    """Return the label map of masks, numbered from 1 or as given; of overlapping ones the smaller is on top."""
    label_map = np.zeros(shape, np.int32)
    areas = [np.count_nonzero(mask) for mask in masks]
    for row in sorted(range(len(masks)), key=lambda row: -areas[row]):
        label_map[masks[row]] = row + 1 if numbers is None else numbers[row]
    return label_map


def _texts(found: Detections) -> list[str]:
    return list(dict.fromkeys(found.masks))
