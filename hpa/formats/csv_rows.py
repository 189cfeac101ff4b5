"""Tables of text as a user gives them (CSV, TSV), with the row numbers that a spreadsheet shows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from hpa.core.errors import InputError

ROW = "row"
"""Column with the number of each row as a spreadsheet counts it: the header is row 1."""


def read_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table as text, blanks stripped and blank lines left out; tabs separate where the name ends in .tsv.

    Args:
        path: The file, UTF-8 with or without byte order mark.
        columns: Columns that must be there; others are kept as they are.

    Returns:
        All columns as str ("" where nothing stands), and `row`.

    Raises:
        InputError: If the file is missing, no such table, without rows, or lacks a column.
    """
    frame = _parse(path)
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(
            f"{path}: columns {', '.join(columns)} are expected, {', '.join(missing)} missing; "
            f"the header reads {', '.join(frame.columns)}. Name them so in the first line, separated by commas."
        )
    frame = frame.apply(lambda column: column.str.strip())
    frame[ROW] = range(2, len(frame) + 2)
    frame = frame[(frame.drop(columns=ROW) != "").any(axis=1)].reset_index(drop=True)
    if frame.empty:
        raise InputError(f"{path}: only a header was found; at least one row is needed.")
    return frame


def _parse(path: Path) -> pd.DataFrame:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)  # rows longer than the header would lose what is too much
            return pd.read_csv(
                path,
                sep=separator,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
                encoding="utf-8-sig",
            ).fillna("")
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except EmptyDataError as error:
        raise InputError(f"{path}: the file is empty; a header line and rows are expected.") from error
    except (ParserError, ParserWarning, UnicodeDecodeError, OSError) as error:
        reason = str(error).strip()
        raise InputError(f"{path}: cannot be read as a table ({reason}); save it as CSV in UTF-8.") from error
