"""The submission and truth tables: `ID,ImageWidth,ImageHeight,PredictionString` (or TruthString), one row an image.

Rows are numbered as a spreadsheet does: the header is row 1. A submission is hundreds of megabytes, so it is read row
by row, also where gzip compressed it; it is written whole or not at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.run_lengths import MAX_MASK_PX
from hpa.core.table_text import declared_separator, encoding_of, open_table, separator_of
from hpa.core.whole_file import whole_file
from hpa.core.workbooks import needed_table_file

ID_NAMES = ("ID", "ImageID")
PREDICTION_COLUMN = "PredictionString"
TRUTH_COLUMN = "TruthString"
_SIZE_COLUMNS = ("ImageWidth", "ImageHeight")
_BLOCK_BYTES = 1 << 20
_MAX_LINE = 1 << 28
"""Letters of a row: one image of a submission is hundreds of kilobytes."""
_MAX_DIGITS = 10  # Python reads no whole number of more than 4,300


@dataclass(frozen=True)
class TableRow:
    """One image of a submission or truth table; sizes in px, `text` the words of its cells, "" for none."""

    image_id: str
    width: int
    height: int
    text: str


@dataclass(frozen=True)
class RawRow:
    """A row as it stands in the file."""

    number: int
    image_id: str
    width: str
    height: str
    text: str
    number_of_fields: int
    expected_fields: int

    @property
    def name(self) -> str:
        """How messages call the row."""
        return f"row {self.number} ({self.image_id})"

    def checked(self) -> TableRow:
        """Return the row with its sizes as numbers.

        Raises:
            InputError: If the id is missing, a size is no positive whole number or too large, or fields are missing or
                too many.
        """
        if self.number_of_fields != self.expected_fields:
            raise InputError(
                f"{self.number_of_fields} fields where the header has {self.expected_fields}; "
                "write ids or texts that hold a comma in quotes."
            )
        if not self.image_id:
            raise InputError("the id is missing; write the image's id in the first column.")
        if not (_is_positive(self.width) and _is_positive(self.height)):
            raise InputError(
                f"ImageWidth {self.width[:12]!r} and ImageHeight {self.height[:12]!r} are not positive whole numbers; "
                "write the size of the image in px."
            )
        width, height = int(self.width), int(self.height)
        if width * height > MAX_MASK_PX:
            raise InputError(
                f"the size is {width} x {height} (width x height); masks are read of images up to {MAX_MASK_PX:,} px: "
                "write the size of the image."
            )
        return TableRow(self.image_id, width, height, self.text)


def read_raw_rows(path: Path, text_column: str) -> Iterator[RawRow]:
    """Give the rows of a table one by one, whatever stands in them; blank lines are left out.

    Raises:
        InputError: If the file is missing, no text, or its header lacks a column.
    """
    csv.field_size_limit(_MAX_LINE)
    try:
        path = needed_table_file(path)
        encoding = encoding_of(_blocks(path))
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        with open_table(path) as stored, io.TextIOWrapper(stored, encoding=encoding, newline="") as file:
            rows = _lines(path, file)
            first = next(rows, "")
            declared = declared_separator(first)
            lines = rows if declared else chain([first], rows)
            reader = csv.reader(lines, delimiter=declared or separator_of(path.name, first))
            header = _without_blank_end([name.strip() for name in next(reader, [])])
            columns = _columns(path, header, text_column)
            for fields in filter(any, reader):
                number_of_fields = len(fields) if any(fields[len(header) :]) else min(len(fields), len(header))
                padded = fields + [""] * (len(header) - len(fields))
                image_id, width, height, text = (padded[column].strip() for column in columns)
                number = reader.line_num + (declared is not None)
                yield RawRow(number, image_id, width, height, text, number_of_fields, len(header))
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error}); save it as CSV in UTF-8.") from error


def _lines(path: Path, file: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of a file, which need not have any."""
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise InputError(f"{path}: a row is longer than {_MAX_LINE:,} letters; save it as CSV, one row an image.")
        yield line


def read_table(path: Path, text_column: str) -> list[TableRow]:
    """Return all rows of a table.

    Raises:
        InputError: If the file or its header cannot be used.
        DataError: With every row that is malformed or repeats an id.
    """
    rows: dict[str, TableRow] = {}
    problems: list[Problem] = []
    for raw in read_raw_rows(path, text_column):
        try:
            row = raw.checked()
        except InputError as error:
            problems.append(Problem(raw.name, str(error)))
            continue
        if row.image_id in rows:
            problems.append(Problem(raw.name, "the id stands in an earlier row too; keep one row an image."))
        rows[row.image_id] = row
    if problems:
        raise DataError(str(path), problems)
    return list(rows.values())


def write_table(path: Path, text_column: str, rows: Iterable[TableRow]) -> None:
    """Write a table whole or not at all: under another name beside its place, then renamed.

    Whatever `rows` raises while it is consumed leaves an older file at `path` as it was.
    """
    with whole_file(path) as file:
        write_header(file, text_column)
        write_rows(file, rows)


def write_header(file: BinaryIO, text_column: str) -> None:
    """Write the first line of a table."""
    file.write((",".join([ID_NAMES[0], *_SIZE_COLUMNS, text_column]) + "\n").encode())


def write_rows(file: BinaryIO, rows: Iterable[TableRow]) -> None:
    """Write rows while they come."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([row.image_id, row.width, row.height, row.text] for row in rows)
    text.detach()  # flushes, and leaves the file to whoever opened it


def _blocks(path: Path) -> Iterator[bytes]:
    with open_table(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _without_blank_end(header: list[str]) -> list[str]:
    """Return the names of columns without those that a spreadsheet added."""
    return header[: max((place for place, name in enumerate(header, start=1) if name), default=0)]


def _columns(path: Path, header: Sequence[str], text_column: str) -> list[int]:
    id_name = next((name for name in ID_NAMES if name in header), ID_NAMES[0])
    wanted = [id_name, *_SIZE_COLUMNS, text_column]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise InputError(
            f"{path}: columns {', '.join(wanted)} are expected, {', '.join(missing)} missing; the header reads "
            f"{', '.join(header)[:200] or 'nothing'}. Name them so in the first line, separated by commas."
        )
    return [header.index(name) for name in wanted]


def _is_positive(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and int(text) > 0
