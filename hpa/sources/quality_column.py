"""Column `quality` of index.csv: what a person decided of an image, kept by `hpa qc` and obeyed by training.

`use` keeps an image whatever its measures are, `leave out` takes it from training; nothing decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.core.workbooks import needed_table_file, optional_table_file
from hpa.formats.csv_rows import ROW, read_rows

QUALITY = "quality"
USE, LEAVE_OUT = "use", "leave out"
_ID_COLUMNS = ("ID", "id", "image_id")
log = logging.getLogger(__name__)


def read_used_rows(path: Path, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Return the rows of a table as `read_rows`, those of images that are left out taken away.

    Raises:
        InputError: As `read_rows`, and if a decision is unknown or all images are left out.
    """
    return used_rows(path, read_rows(path, columns, numbers))


def used_rows(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table without those of images that are left out, and log how many these are.

    Raises:
        InputError: If a decision is unknown, or all images are left out.
    """
    if QUALITY not in frame:
        return frame
    require_known(path, frame)
    is_left_out = frame[QUALITY] == LEAVE_OUT
    if is_left_out.any():
        log.info("%s: %d images are left out of training (column %s)", path, int(is_left_out.sum()), QUALITY)
    if is_left_out.all():
        raise InputError(f"{path}: column {QUALITY} leaves out all images; hpa qc DIR --use=ID takes one back.")
    return frame[~is_left_out]


def require_known(path: Path, frame: pd.DataFrame) -> None:
    """Refuse decisions that are none.

    Raises:
        InputError: Naming the first one.
    """
    wrong = sorted(set(frame[QUALITY]) - {USE, LEAVE_OUT, ""})
    if wrong:
        raise InputError(f"{path}: column {QUALITY} holds '{wrong[0]}'; write '{USE}', '{LEAVE_OUT}' or nothing.")


def read_decisions(path: Path) -> dict[str, str]:
    """Return what was decided of each image, by its ID; empty where there is no table or no such column.

    Raises:
        InputError: If the table cannot be read, or a decision is unknown.
    """
    if optional_table_file(path) is None:
        return {}
    frame = read_rows(path, ())
    column = next((name for name in _ID_COLUMNS if name in frame), None)
    if column is None or QUALITY not in frame:
        return {}
    require_known(path, frame)
    return {str(name): str(value) for name, value in zip(frame[column], frame[QUALITY], strict=True) if value}


def write_decisions(path: Path, decisions: Mapping[str, str]) -> None:
    """Write decisions into the column of a table, the rest of its cells as they are; whole or not at all.

    Args:
        path: The table; it becomes UTF-8 with commas, whatever it was.
        decisions: `use`, `leave out` or "" by the ID of an image.

    Raises:
        InputError: If the table is missing, or lists no such image.
    """
    if not needed_table_file(path).is_file():
        raise InputError(f"{path}: decisions are kept in this table, and it is missing; hpa import writes one.")
    frame = read_rows(path, ())
    column = next((name for name in _ID_COLUMNS if name in frame), None)
    unknown = sorted(set(decisions) - (set() if column is None else set(frame[column])))
    if column is None or unknown:
        raise InputError(f"{path}: lists no image {unknown[0] if unknown else ''}; check the ID.")
    earlier = frame[QUALITY] if QUALITY in frame else pd.Series("", frame.index)
    frame[QUALITY] = [decisions.get(name, value) for name, value in zip(frame[column], earlier, strict=True)]
    require_known(path, frame)
    with whole_file(path) as file:
        file.write(frame.drop(columns=ROW).to_csv(index=False, lineterminator="\n").encode())
