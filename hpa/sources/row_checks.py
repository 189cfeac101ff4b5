"""What every reader of a table of images checks: ids that are blank or stand twice, sizes that are none."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

import pandas as pd

from hpa.core.errors import Problem
from hpa.core.field import MICROSCOPE_UM
from hpa.core.file_names import name_fault
from hpa.formats.csv_rows import ROW

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?(?:E[+-]?\d+)?", re.IGNORECASE)


def id_problems(file_name: str, ids: Sequence[str], rows: Sequence[int]) -> list[Problem]:
    """Name ids that stand more than once or can name no file, and rows without one."""
    rows_of: dict[str, list[int]] = {}
    for image_id, row in zip(ids, rows, strict=True):
        rows_of.setdefault(image_id, []).append(row)
    blank = [
        Problem(f"{file_name} row {row}", "the ID is blank; write it or take the row out")
        for row in rows_of.pop("", [])
    ]
    doubled = [
        Problem(image_id, f"the id stands in rows {', '.join(map(str, where))} of {file_name}; keep one of them")
        for image_id, where in rows_of.items()
        if len(where) > 1
    ]
    unusable = [Problem(image_id, fault) for image_id in rows_of if (fault := name_fault(image_id))]
    return blank + doubled + unusable


def size_problems(file_name: str, frame: pd.DataFrame, column: str = "pixel_um") -> list[Problem]:
    """Name the cells of a column that are neither blank nor the side of a pixel that a microscope has."""
    if column not in frame:
        return []
    problems = []
    low, high = MICROSCOPE_UM
    for text, row in zip(frame[column], frame[ROW], strict=True):
        size = size_of(text)
        if text and math.isnan(size):
            problems.append(
                Problem(f"{file_name} row {row}", f"{column} '{text}' is no size in µm above 0{_hint(text)}")
            )
        elif text and not low <= size <= high:
            reason = f"{column} '{text}' is no side of a pixel in µm, {low:g} to {high:g}; is it in another unit?"
            problems.append(Problem(f"{file_name} row {row}", reason))
    return problems


def size_of(text: str) -> float:
    """Return a size above 0; NaN where the text is none.

    >>> size_of("0.5"), size_of("0,5"), size_of("-3"), size_of("")
    (0.5, nan, nan, nan)
    """
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and value > 0 else math.nan


def whole_px(text: str) -> int:
    """Return a positive whole number of px, 0 where the text is none; "3000.0" counts, as pandas may write it."""
    digits = text.removesuffix(".0")
    return int(digits) if digits.isdecimal() and len(digits) < 10 else 0


def with_further_columns(usual: pd.DataFrame, rows: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return the usual columns with those of a file beside them; names that are taken get a prefix."""
    renamed = rows.rename(columns=free_names(rows.columns, usual.columns, prefix))
    return pd.concat([usual, renamed], axis=1).reset_index(drop=True)


def free_names(names: Collection[str], taken: Collection[str], prefix: str) -> dict[str, str]:
    """Return what columns of a file are called beside those of a table; a prefix is repeated until a name is free.

    >>> free_names(["fold", "plate", "index_fold"], ["fold"], "index")
    {'fold': 'index_index_fold', 'plate': 'plate', 'index_fold': 'index_fold'}
    """
    found = {name: name for name in names if name not in taken}
    for name in names:
        free = name
        while free in taken or (free != name and free in found):
            free = f"{prefix}_{free}"
        found[name] = free
    return {name: found[name] for name in names}


def changed_id_hint(image_id: str) -> str:
    """Return what a spreadsheet may have done to an id for which nothing is found, "" where it is no number.

    >>> changed_id_hint("1E+05") != "", changed_id_hint("20240105.0") != "", changed_id_hint("B7_s1")
    (True, True, '')
    """
    if not _NUMBER.fullmatch(image_id):
        return ""
    change = "spreadsheets drop leading zeros, and 100000 becomes 1E+05: format the column as text"
    return f"; did a spreadsheet make {image_id} of it ({change})?"


def _hint(text: str) -> str:
    return f"; write a decimal point: {text.replace(',', '.')}" if text.count(",") == 1 else ""
