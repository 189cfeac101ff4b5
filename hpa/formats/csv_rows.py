"""Tables of text as a user gives them (CSV, TSV), with the row numbers that a spreadsheet shows.

Read as spreadsheets save them: with commas, semicolons (Excel where numbers have decimal commas) or tabs between cells,
in UTF-8, UTF-16 or the code page of Western Windows, with or without byte order mark, with line ends of any system;
plain or compressed by gzip.
"""

from __future__ import annotations

import codecs
import gzip
import io
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from hpa.core.errors import InputError

ROW = " row"
"""Column with the number of each row as a spreadsheet counts it: the header is row 1. No column of a file has this
name, because blanks around names are stripped."""
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_GZIP = b"\x1f\x8b"
_MAX_INFLATED_BYTES = 1 << 31  # the largest submission of the competition's size takes a third
_WINDOWS = "cp1252"
_DECIMAL_COMMA = r"^([+-]?\d*),(\d+)$"
_SEPARATORS = (",", ";", "\t")


def read_rows(path: Path, columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table as text, blanks stripped and blank lines left out.

    Args:
        path: The file; tabs separate where its name ends in .tsv, else what its header has most of.
        columns: Columns that must be there; others are kept as they are.
        numbers: Columns of numbers, where a decimal comma becomes a point if commas do not separate the cells.

    Returns:
        All columns as str ("" where nothing stands), and the column `ROW`.

    Raises:
        InputError: If the file is missing, no such table, without rows, or lacks a column.
    """
    text = _text_of(path)
    separator = _separator_of(path, text)
    frame = _parse(path, text, separator)
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(
            f"{path}: columns {', '.join(columns)} are expected, {', '.join(missing)} missing; "
            f"the header reads {', '.join(frame.columns)}. Name them so in the first line, separated by commas."
        )
    frame = frame.apply(lambda column: column.str.strip())
    for name in {*numbers} & {*frame.columns} if separator != "," else ():
        frame[name] = frame[name].str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
    frame[ROW] = range(2, len(frame) + 2)
    frame = frame[(frame.drop(columns=ROW) != "").any(axis=1)].reset_index(drop=True)
    if frame.empty:
        raise InputError(f"{path}: only a header was found; at least one row is needed.")
    return frame


def _parse(path: Path, text: str, separator: str) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)  # rows longer than the header would lose what is too much
            return pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
            ).fillna("")
    except EmptyDataError as error:
        raise InputError(f"{path}: the file is empty; a header line and rows are expected.") from error
    except (ParserError, ParserWarning, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a table ({str(error).strip()}); every row must have the cells of the header: "
            "put cells with a separator in quotes, or save it as CSV again."
        ) from error


def _text_of(path: Path) -> str:
    """Return the text of a file, in whatever of the usual encodings it is."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    if content.startswith(_GZIP):
        content = _inflated(path, content)
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "")
    for encoding in [marked] if marked else ["utf-8", _WINDOWS]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError(f"{path}: cannot be read as a table (it is no text); save it as CSV in UTF-8.")


def _inflated(path: Path, content: bytes) -> bytes:
    """Return what gzip compressed, as long as a table can be that large."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            inflated = file.read(_MAX_INFLATED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: the compressed table is damaged ({error}); copy or compress it again.") from error
    if len(inflated) > _MAX_INFLATED_BYTES:
        raise InputError(
            f"{path}: inflates to more than {_MAX_INFLATED_BYTES:,} bytes, the limit of a table; save it in parts."
        )
    return inflated


def _separator_of(path: Path, text: str) -> str:
    """Return what separates the cells: a tab in .tsv, else what the header has most of outside quotes."""
    if path.suffix.lower() == ".tsv" or path.name.lower().endswith(".tsv.gz"):
        return "\t"
    header = "".join(text.partition("\n")[0].split('"')[::2])
    return max(_SEPARATORS, key=header.count)
