"""Tables of text as a user gives them (CSV, TSV), with the row numbers that a spreadsheet shows.

Read as spreadsheets save them: with commas, semicolons (Excel where numbers have decimal commas) or tabs between cells,
in UTF-8, UTF-16 or the code page of Western Windows, with or without byte order mark, with line ends of any system;
plain or compressed by gzip. Blank rows and columns, which spreadsheets add, are left out.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hpa.core.errors import InputError
from hpa.core.table_text import (
    MAX_INFLATED_BYTES,
    declared_separator,
    encoding_of,
    open_table,
    separator_of,
)
from hpa.core.workbooks import needed_table_file

ROW = " row"
"""Column with the number of each row as a spreadsheet counts it: the header is row 1. No column of a file has this
name, because blanks around names are stripped."""
_DECIMAL_COMMA = r"^([+-]?\d*),(\d+)$"


def read_rows(
    path: Path,
    columns: Sequence[str],
    numbers: Sequence[str] = (),
    optional: Sequence[str] = (),
    may_be_empty: bool = False,
) -> pd.DataFrame:
    """Read a table as text, blanks stripped and blank lines left out.

    Args:
        path: The file; tabs separate where its name ends in .tsv, else what its header has most of.
        columns: Columns that must be there; others are kept as they are.
        numbers: Columns of numbers, where a decimal comma becomes a point if commas do not separate the cells.
        optional: Columns that may be there.
        may_be_empty: Whether there may be a header alone.

    A column whose name differs from a known one in capitals alone is that one.

    Returns:
        All columns as str ("" where nothing stands), and the column `ROW`. Columns without a name are called
        `Unnamed: N`, further ones of a name that stood before `NAME.N`.

    Raises:
        InputError: If the file is missing, no such table, without rows, or lacks a column.
    """
    path = needed_table_file(path)
    separator, rows = _cells_of(path)
    if not rows:
        raise InputError(f"{path}: the file is empty; a header line and rows are expected.")
    header = _with_known_names(rows[0][1], (*columns, *numbers, *optional))
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(
            f"{path}: columns {', '.join(columns)} are expected, {', '.join(missing)} missing; "
            f"the header reads {', '.join(header)}. Name them so in the first line, separated by commas."
        )
    if doubled := [name for name in (*columns, *numbers) if header.count(name) > 1]:
        raise InputError(f"{path}: {header.count(doubled[0])} columns are called {doubled[0]}; rename all but one.")
    if len(rows) == 1 and not may_be_empty:
        raise InputError(f"{path}: only a header was found; at least one row is needed.")
    frame = pd.DataFrame([cells for _, cells in rows[1:]], columns=_distinct(header), dtype=str)
    frame = frame.drop(columns=[name for place, name in enumerate(frame) if not header[place] and not any(frame[name])])
    for name in {*numbers} & {*frame.columns} if separator != "," else ():
        frame[name] = frame[name].str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
    frame[ROW] = [number for number, _ in rows[1:]]
    return frame


def _with_known_names(header: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return names of columns, spelled as they are known.

    >>> _with_known_names(["ID", "Pixel_um"], ["pixel_um"])
    ['ID', 'pixel_um']
    """
    spelled = {name.lower(): name for name in known if name not in header}
    return [spelled.get(name.lower(), name) for name in header]


def _cells_of(path: Path) -> tuple[str, list[tuple[int, list[str]]]]:
    """Return the separator, and number and cells of each row that is not blank: as many as the header has."""
    text = _text_of(path)
    first = text.lstrip("\n").partition("\n")[0]
    declared = declared_separator(first)
    separator = declared or separator_of(path.name, first)
    csv.field_size_limit(sys.maxsize)  # one mask of a large image is megabytes
    rows: list[tuple[int, list[str]]] = []
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator, strict=True), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (number == 1 and declared):
                continue
            width = len(rows[0][1]) if rows else len(cells)
            if any(cells[width:]):
                raise InputError(f"row {number} has {len(cells)} cells, the header {width}")
            rows.append((number, cells[:width] + [""] * (width - len(cells))))
    except (csv.Error, InputError) as error:
        raise InputError(
            f"{path}: cannot be read as a table ({error}); every row must have the cells of the header: "
            "put cells with a separator in quotes, or save it as CSV again."
        ) from error
    return separator, rows


def _distinct(header: Sequence[str]) -> list[str]:
    """Return names of columns that all differ."""
    names: list[str] = []
    for place, written in enumerate(header):
        name, count = written or f"Unnamed: {place}", 1
        while name in names:
            name, count = f"{written or f'Unnamed: {place}'}.{count}", count + 1
        names.append(name)
    return names


def _text_of(path: Path) -> str:
    """Return the text of a file, in whatever of the usual encodings it is."""
    try:
        with open_table(path, MAX_INFLATED_BYTES) as file:  # it is read whole
            content = file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    try:
        text = content.decode(encoding_of([content]))
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{path}: cannot be read as a table (it is no text); save it as CSV in UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")
