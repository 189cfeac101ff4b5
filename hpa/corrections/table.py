"""The table of corrections: one line of CSV for each cell of each change, in the order in which they were made.

Nothing in it is ever changed: a change that is undone is followed by a line `undo` with its number. Columns: `change`
(numbered from 1), `time` (UTC), `who`, `ID` (of the image), `segmentation` (digest of its label map), `cell`, `action`,
`value`. Actions: `classes` (value: names separated by "|", "" for none), `merge` (value: the cell that it becomes part
of), `delete`, `undo` (value: the change).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from hpa.core.digest import digest_of_array
from hpa.core.errors import DataError, InputError, Problem
from hpa.formats.csv_rows import ROW, read_rows

COLUMNS = ("change", "time", "who", "ID", "segmentation", "cell", "action", "value")
HEADER = ",".join(COLUMNS)
BETWEEN = "|"
CLASSES, MERGE, DELETE, UNDO = "classes", "merge", "delete", "undo"


@dataclass(frozen=True)
class Correction:
    """What is changed of one cell.

    Attributes:
        image_id: Its image.
        segmentation: Digest of the label map that numbers it.
        cell: Its number there; of `undo` 0.
        action: `classes`, `merge`, `delete` or `undo`.
        value: Names of its classes, the number of the cell it becomes part of, or of the change that is undone.
    """

    image_id: str
    segmentation: str
    cell: int
    action: str
    value: str = ""

    def line(self, number: int, time: str, who: str) -> str:
        """Return the line of the table.

        Args:
            number: Of the change.
            time: When it was made, ISO 8601.
            who: Who made it.
        """
        text = io.StringIO(newline="")
        row = [number, time, who, self.image_id, self.segmentation, self.cell, self.action, self.value]
        csv.writer(text, lineterminator="\n").writerow(row)
        return text.getvalue()


@dataclass
class ImageCorrections:
    """What holds of the cells of an image after all changes.

    Attributes:
        segmentation: Digest of its label map.
        classes: Names of the classes of corrected cells.
        merged: Cells that are part of another one, and that one.
        deleted: Cells that are none.
    """

    segmentation: str
    classes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    def apply(self, correction: Correction) -> None:
        """Take a change; the later one counts."""
        cell = correction.cell
        if correction.action == CLASSES:
            self.classes[cell] = tuple(filter(None, correction.value.split(BETWEEN)))
        elif correction.action == DELETE:
            self.deleted.add(cell)
        else:
            self.merged[cell] = int(correction.value)

    @property
    def changes_outlines(self) -> bool:
        """Whether cells are merged or deleted."""
        return bool(self.merged or self.deleted)


def digest_of_cells(label_map: Int32[np.ndarray, "height width"]) -> str:
    """Return the digest by which corrections know a segmentation."""
    return digest_of_array(label_map.astype(np.int32))


def read_lines(path: Path) -> list[tuple[int, Correction]]:
    """Read all corrections with the number of their change, also those that are undone.

    Raises:
        InputError: If the file is missing or is no such table.
        DataError: Naming every row that makes no sense.
    """
    if path.is_file() and path.stat().st_size <= len(HEADER) + 2 and path.read_text(encoding="utf-8").strip() == HEADER:
        return []  # begun, and nothing corrected yet
    lines, problems = [], []
    for row in read_rows(path, COLUMNS).to_dict("records"):
        try:
            lines.append(_correction(row))
        except InputError as error:
            problems.append(Problem(f"row {row[ROW]}", str(error)))
    if problems:
        raise DataError(str(path), problems)
    return lines


def changes_of(lines: Sequence[tuple[int, Correction]]) -> dict[int, list[Correction]]:
    """Return the changes that are not undone, by number, in order."""
    changes: dict[int, list[Correction]] = {}
    for number, correction in lines:
        if correction.action == UNDO:
            changes.pop(int(correction.value), None)
        else:
            changes.setdefault(number, []).append(correction)
    return changes


def read_corrections(path: Path) -> dict[str, ImageCorrections]:
    """Read what holds of each image that has corrections.

    Raises:
        InputError: If the file is missing or is no such table, or changes of one image are of two segmentations.
        DataError: Naming every row that makes no sense.
    """
    return images_after(path, changes_of(read_lines(path)))


def images_after(path: Path, changes: dict[int, list[Correction]]) -> dict[str, ImageCorrections]:
    """Return what holds of each image after some changes.

    Raises:
        InputError: If changes of one image are of two segmentations.
    """
    images: dict[str, ImageCorrections] = {}
    for correction in (one for number in sorted(changes) for one in changes[number]):
        image = images.setdefault(correction.image_id, ImageCorrections(correction.segmentation))
        if image.segmentation != correction.segmentation:
            raise InputError(
                f"{path}: image {correction.image_id} was corrected on two segmentations; keep one table for each."
            )
        image.apply(correction)
    return images


def _correction(row: Mapping[Hashable, Any]) -> tuple[int, Correction]:
    number, cell, action, value = row["change"], row["cell"], row["action"], row["value"]
    if not (_is_number(number) and _is_number(cell)):
        raise InputError(f"change '{number[:20]}' and cell '{cell[:20]}' must be whole numbers.")
    if action not in (CLASSES, MERGE, DELETE, UNDO):
        raise InputError(f"action '{action[:20]}' is none of {CLASSES}, {MERGE}, {DELETE}, {UNDO}.")
    if action in (MERGE, UNDO) and not (_is_number(value) and int(value) > 0):
        raise InputError(f"value '{value[:20]}' of action {action} must be a whole number above 0.")
    if action != UNDO and (int(cell) < 1 or not row["ID"] or not row["segmentation"]):
        raise InputError("ID, segmentation and cell must be given.")
    return int(number), Correction(row["ID"], row["segmentation"], int(cell), action, value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
