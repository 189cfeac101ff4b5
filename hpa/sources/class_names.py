"""Names of classes of a data set in the competition's layout that are no locations of the Atlas: class_names.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import DataError, Problem
from hpa.core.whole_file import whole_file
from hpa.formats.csv_rows import ROW, read_rows

FILE_NAME = "class_names.csv"


def write_class_names(path: Path, names: Mapping[int, str]) -> None:
    """Write a table `number,name`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "name"])
    writer.writerows(sorted(names.items()))
    with whole_file(path) as file:
        file.write(text.getvalue().encode())


def read_class_names(path: Path) -> tuple[str, ...]:
    """Return the name of each of the 19 numbers of the layout; those without a name are called `unused N`.

    Raises:
        InputError: If the file is no table `number,name`.
        DataError: Naming every row that cannot be used.
    """
    names = [f"unused {number}" for number in range(len(LOCATION_NAMES))]
    expected = (
        f"a number from 0 to {len(names) - 1} and a name are expected, each once; data of more classes need a reader "
        "of their own (hpa new data NAME)"
    )
    problems = []
    seen: set[str] = set()
    for row in read_rows(path, ("number", "name")).to_dict("records"):
        text, name = row["number"], row["name"]
        is_number = text.isascii() and text.isdecimal() and int(text[:9]) < len(names)
        if not is_number or not name or {text, name} & seen:
            problems.append(Problem(f"row {row[ROW]}", expected))
            continue
        seen |= {text, name}
        names[int(text)] = name
    if problems:
        raise DataError(str(path), problems)
    return tuple(names)
