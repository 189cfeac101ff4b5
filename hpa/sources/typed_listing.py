"""index.csv of images whose cells are of known type: `ID,class,split,group,pixel_um`, one row an image.

`class` is the type of all cells of a pure image, several types with "|" between them of a mixed one, or nothing.
`split` is train or test; without it pure images train and all others test. `group` names what must share a fold (a
plate, a well). `pixel_um` is the side of a pixel. `quality` is what a person decided
(`hpa.sources.quality_column`). Only `ID` must be there; further columns are kept.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.whole_file import whole_file
from hpa.core.workbooks import optional_table_file
from hpa.formats.csv_rows import ROW, read_rows
from hpa.sources.row_checks import id_problems, size_problems

HEADER = ("ID", "class", "split", "group", "pixel_um")
SPLITS = ("train", "test")
BETWEEN = "|"
INDEX, IMAGES = "index.csv", "images"


@dataclass(frozen=True)
class TypedRow:
    """A row of index.csv; NaN where the size of its pixels is not known."""

    image_id: str
    types: str
    split: str
    group: str
    pixel_um: float


def write_typed_rows(path: Path, rows: Sequence[TypedRow]) -> None:
    """Write index.csv, whole or not at all.

    Raises:
        InputError: If the disk is full.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        *words, pixel_um = astuple(row)
        writer.writerow([*words, "" if math.isnan(pixel_um) else f"{pixel_um:.6g}"])
    encoded = text.getvalue().encode()
    with whole_file(path, len(encoded)) as file:
        file.write(encoded)


def read_typed_rows(path: Path) -> tuple[pd.DataFrame, list[Problem]]:
    """Read index.csv as text columns, those of `HEADER` always among them, and name what is wrong with its rows.

    Raises:
        InputError: If the file is missing or has no column ID.
    """
    frame = read_rows(path, HEADER[:1], HEADER[-1:], HEADER[1:])
    problems = []
    for name in HEADER[1:]:
        if name not in frame:
            frame[name] = ""
    for row in frame.to_dict("records"):
        if row["split"] not in ("", *SPLITS):
            reason = f"split '{row['split']}' is unknown; write train, test or nothing"
            problems.append(Problem(f"{path.name} row {row[ROW]}", reason))
    problems += size_problems(path.name, frame)
    problems += id_problems(path.name, list(frame["ID"]), list(frame[ROW]))
    return frame.drop(columns=ROW), problems


def rows_of_split(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the rows of a split: by column split; where it is blank, pure images train, all others test."""
    pure = rows["class"].map(lambda text: len(types_of(text)) == 1)
    guessed = pure.map({True: SPLITS[0], False: SPLITS[1]})
    return rows[rows["split"].where(rows["split"] != "", guessed) == split]


def images_of_split(root: Path, split: str) -> list[str]:
    """Return the names of the images of a split of a folder's index.csv.

    Raises:
        InputError: If there is no such table, or no image is of this split.
        DataError: If a row of the table is wrong.
    """
    rows, problems = read_typed_rows(root / INDEX)
    if problems:
        raise DataError(str(root / INDEX), problems)
    names = [str(name) for name in rows_of_split(rows, split)["ID"]]
    if not names:
        raise InputError(f"{root / INDEX}: no image is of split {split}; write it in column split.")
    return names


def pixel_sizes_beside(folder: Path) -> dict[str, float]:
    """Return the side of a pixel (µm) of each image in index.csv: of `folder`, or beside it where `images/` is.

    Empty where there is no such table, or it is one of another kind, without ID or pixel_um.

    Raises:
        DataError: If a row of the table is wrong.
    """
    root = folder.parent if folder.name == IMAGES else folder
    path = optional_table_file(root / INDEX) if (root / IMAGES).is_dir() else None
    if path is None:
        return {}
    if not {HEADER[0], HEADER[-1]} <= set(read_rows(path, ()).columns):
        return {}
    rows, problems = read_typed_rows(path)
    if problems:
        raise DataError(str(path), problems)
    return {name: float(size) for name, size in zip(rows["ID"], rows["pixel_um"], strict=True) if size}


def types_of(text: str) -> list[str]:
    """Return the types that a cell of column `class` names, in order.

    >>> types_of("HEK|N2a"), types_of("")
    (['HEK', 'N2a'], [])
    """
    return [part.strip() for part in text.split(BETWEEN) if part.strip()]
