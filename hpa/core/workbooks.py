"""Workbooks of spreadsheets that lie where a table of text is expected: they are named, never read."""

from __future__ import annotations

import logging
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.table_text import table_file

_logger = logging.getLogger(__name__)
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")


def needed_table_file(path: Path) -> Path:
    """Return where a table lies that is needed, as `table_file`.

    Raises:
        InputError: If there is a workbook of a spreadsheet in its place (`train.xlsx`).
    """
    if advice := workbook_advice(path):
        raise InputError(advice)
    return table_file(path)


def workbook_advice(path: Path) -> str:
    """Return what to do with the workbook that lies in place of a table, "" where there is none or the table is."""
    if table_file(path).exists():
        return ""
    workbooks = [book for suffix in _WORKBOOKS if (book := path.with_suffix(suffix)).is_file()]
    return (
        f"{workbooks[0]}: a workbook is not read; save its sheet as {path.name} (File > Save As > CSV UTF-8), or give "
        "the workbook another name."
        if workbooks
        else ""
    )


def optional_table_file(path: Path) -> Path | None:
    """Return where a table lies that may be missing; without it None, and a workbook in its place is logged."""
    if (found := table_file(path)).is_file():
        return found
    if advice := workbook_advice(path):
        _logger.warning("%s", advice)
    return None
