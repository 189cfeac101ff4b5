"""Tables of classes: one class for all cells of an image (`ID,class`), or one a cell (`ID,cell,class`).

A column `score` may hold the confidence of each cell, where a network predicted it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.whole_file import whole_file
from hpa.formats.csv_rows import ROW, read_rows
from hpa.sources.typed_listing import BETWEEN

FILE_NAME = "classes.csv"
HEADER = ("ID", "cell", "class")
SCORE = "score"


@dataclass(frozen=True)
class CellClasses:
    """Classes of cells by image and number.

    Attributes:
        path: File they were read from.
        of_image: Class of all cells of an image.
        of_cell: Class of a cell, by image and number in the label map.
        unlabeled: Images that are listed without a class, or with several: mixtures, whose cells have no known class.
        score_of: Confidence of a cell, by image and number, where the table has one.
    """

    path: Path
    of_image: dict[str, str]
    of_cell: dict[tuple[str, int], str]
    unlabeled: set[str] = field(default_factory=set)
    score_of: dict[tuple[str, int], float] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """List the classes, sorted."""
        return sorted({*self.of_image.values(), *self.of_cell.values()})

    def of(self, image: str, cells: Sequence[int]) -> list[str]:
        """Return the class of each cell of an image.

        Raises:
            InputError: If the table has none.
        """
        names = [self.of_cell.get((image, cell), self.of_image.get(image)) for cell in cells]
        missing = [cell for cell, name in zip(cells, names, strict=True) if name is None]
        if missing:
            raise InputError(f"{self.path}: no class for image {image}, cell {missing[0]}; add a row for it.")
        return [name for name in names if name is not None]

    def scores(self, image: str, cells: Sequence[int]) -> list[float] | None:
        """Return the confidence of each cell of an image, None where the table has no scores.

        Raises:
            InputError: If it has those of other cells only.
        """
        if not self.score_of:
            return None
        missing = [cell for cell in cells if (image, cell) not in self.score_of]
        if missing:
            raise InputError(f"{self.path}: no score for image {image}, cell {missing[0]}; add it, or drop the column.")
        return [self.score_of[image, cell] for cell in cells]


def read_cell_classes(path: Path) -> CellClasses:
    """Read a table of classes; there is none where no cell was found.

    Raises:
        InputError: If the file is missing or lacks a column.
        DataError: Naming every row that cannot be read, or contradicts an earlier one.
    """
    classes = CellClasses(path, {}, {})
    problems = []
    for row in read_rows(path, ("ID", "class"), optional=("cell", SCORE), may_be_empty=True).to_dict("records"):
        reason = _add(classes, row["ID"], row.get("cell", ""), row["class"])
        reason = reason or _add_score(classes, row["ID"], row.get("cell", ""), row.get(SCORE, ""))
        if reason:
            problems.append(Problem(f"row {row[ROW]}", reason))
    if problems:
        raise DataError(str(path), problems)
    return classes


def write_cell_classes(path: Path, rows: Sequence[tuple[str, int, str]]) -> None:
    """Write (image, cell, class) rows.

    Raises:
        InputError: If the disk is full.
    """
    encoded = _csv_text([HEADER, *rows]).encode()
    with whole_file(path, len(encoded)) as file:
        file.write(encoded)


class CellClassesWriter:
    """Writes `classes.csv` (ID,cell,class,score) beside a folder of label maps, image by image.

    Rows are appended, so that thousands of images cost no more than their own rows. An image's rows come before its
    label map: after a kill, rows of an image without a map are dropped, and the image is done again.

    Args:
        folder: Where the label maps lie.
        is_done: Whether an image has its label map; rows of others are dropped now.

    Raises:
        InputError: If there is a file of this name with other columns.
    """

    def __init__(self, folder: Path, is_done: Callable[[str], bool]) -> None:
        self.path = folder / FILE_NAME
        if not self.path.is_file():
            return
        header = [*HEADER, SCORE]
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.reader(file))
        if rows[:1] != [header]:
            raise InputError(
                f"{self.path}: columns {','.join(header)} are expected, as 'hpa segment' writes them; it was changed "
                "or comes from elsewhere: move it away, and the rows of new images are written to a new one."
            )
        kept = [row for row in rows[1:] if len(row) == len(header) and is_done(row[0])]
        with whole_file(self.path) as whole:
            whole.write(_csv_text([[*HEADER, SCORE], *kept]).encode())

    def add(self, image_id: str, class_names: Sequence[str], scores: Sequence[float]) -> None:
        """Append the cells of an image, numbered from 1."""
        rows: list[Sequence[object]] = [] if self.path.is_file() else [[*HEADER, SCORE]]
        named = zip(class_names, scores, strict=True)
        rows += [(image_id, cell, name, f"{score:.6g}") for cell, (name, score) in enumerate(named, start=1)]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            file.write(_csv_text(rows))


def _add_score(classes: CellClasses, image: str, cell: str, text: str) -> str | None:
    """Take up the score of a row; return what is wrong with it, or None."""
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not (cell and math.isfinite(score)):
        return f"score '{text}' is no number of a cell"
    classes.score_of[image, int(cell)] = score
    return None


def _add(classes: CellClasses, image: str, cell: str, name: str) -> str | None:
    """Take up a row; return what is wrong with it, or None."""
    if image and not cell and (not name or BETWEEN in name):
        classes.unlabeled.add(image)
        return None
    if not image or not name:
        return "ID and class must not be blank"
    if not cell:
        known = classes.of_image.setdefault(image, name)
    elif cell.isdecimal() and len(cell) < 10 and int(cell) > 0:
        known = classes.of_cell.setdefault((image, int(cell)), name)
    else:
        return f"cell '{cell[:20]}' is no positive whole number"
    return None if known == name else f"class '{name}' contradicts '{known}' of an earlier row"


def _csv_text(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
