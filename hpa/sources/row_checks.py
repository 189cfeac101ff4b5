"""What every reader of a table of images checks: ids that are blank or stand twice, sizes that are none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from hpa.core.errors import Problem
from hpa.formats.csv_rows import ROW


def id_problems(file_name: str, ids: Sequence[str], rows: Sequence[int]) -> list[Problem]:
    """Name ids that stand more than once, and rows without one."""
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
    return blank + doubled


def size_problems(file_name: str, frame: pd.DataFrame, column: str = "pixel_um") -> list[Problem]:
    """Name the cells of a column that are neither blank nor a size above 0."""
    if column not in frame:
        return []
    return [
        Problem(f"{file_name} row {row}", f"{column} '{text}' is no size in µm above 0{_hint(text)}")
        for text, row in zip(frame[column], frame[ROW], strict=True)
        if text and math.isnan(size_of(text))
    ]


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
    names = {name: f"{prefix}_{name}" if name in usual else name for name in rows.columns}
    return pd.concat([usual, rows.rename(columns=names)], axis=1).reset_index(drop=True)


def _hint(text: str) -> str:
    return f"; write a decimal point: {text.replace(',', '.')}" if text.count(",") == 1 else ""
