"""Tables of classes: one class for all cells of an image (`ID,class`), or one a cell (`ID,cell,class`)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.whole_file import whole_file
from hpa.data.csv_rows import ROW, read_rows

HEADER = ("ID", "cell", "class")


@dataclass(frozen=True)
class CellClasses:
    """Classes of cells by image and number.

    Attributes:
        path: File they were read from.
        of_image: Class of all cells of an image.
        of_cell: Class of a cell, by image and number in the label map.
        untold: Images that are listed without a class: mixtures, whose cells nobody knows.
    """

    path: Path
    of_image: dict[str, str]
    of_cell: dict[tuple[str, int], str]
    untold: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        """List the classes, sorted."""
        return sorted({*self.of_image.values(), *self.of_cell.values()})

    def of(self, image: str, cells: Sequence[int]) -> list[str]:
        """Return the class of each cell of an image.

        Raises:
            InputError: If the table does not tell one.
        """
        told = [self.of_cell.get((image, cell), self.of_image.get(image)) for cell in cells]
        missing = [cell for cell, name in zip(cells, told, strict=True) if name is None]
        if missing:
            raise InputError(f"{self.path}: no class for image {image}, cell {missing[0]}; add a row for it.")
        return [name for name in told if name is not None]


def read_cell_classes(path: Path) -> CellClasses:
    """Read a table of classes.

    Raises:
        InputError: If the file is missing or lacks a column.
        DataError: Naming every row that cannot be read, or says something else than an earlier one.
    """
    classes = CellClasses(path, {}, {})
    problems = []
    for row in read_rows(path, ("ID", "class")).to_dict("records"):
        reason = _add(classes, row["ID"], row.get("cell", ""), row["class"])
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
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    encoded = text.getvalue().encode()
    with whole_file(path, len(encoded)) as file:
        file.write(encoded)


def _add(classes: CellClasses, image: str, cell: str, name: str) -> str | None:
    """Take up a row; return what is wrong with it, or None."""
    if image and not cell and not name:
        classes.untold.add(image)
        return None
    if not image or not name:
        return "ID and class must not be blank"
    if not cell:
        known = classes.of_image.setdefault(image, name)
    elif cell.isdecimal() and int(cell) > 0:
        known = classes.of_cell.setdefault((image, int(cell)), name)
    else:
        return f"cell '{cell}' is no positive whole number"
    return None if known == name else f"says '{name}', an earlier row '{known}'"
