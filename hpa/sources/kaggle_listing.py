"""The rows of train.csv and sample_submission.csv: which images there are, their classes, their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hpa.core.errors import InputError, Problem
from hpa.core.image_table import format_classes, read_label_text
from hpa.core.submission_table import ID_NAMES, PREDICTION_COLUMN
from hpa.formats.csv_rows import ROW, read_rows
from hpa.sources.row_checks import id_problems, whole_px

_SAMPLE_COLUMNS = ("ImageWidth", "ImageHeight", PREDICTION_COLUMN)


@dataclass
class Listing:
    """The images that a file names, in its order, with the columns about them."""

    ids: list[str]
    classes: list[str]
    """Classes of each image as in an image table, "" where unknown."""
    sizes: list[tuple[int, int]]
    """(height, width) of each image, px; zeros where unknown."""
    problems: list[Problem]
    warnings: list[Problem]
    further: pd.DataFrame
    """All other columns of the file."""


def train_listing(path: Path, class_names: Sequence[str]) -> Listing:
    """Read `ID,Label`, where labels are class numbers separated by "|"; one named twice counts once.

    Raises:
        InputError: If the file is no such table. Rows that cannot be used are kept, and named in `problems`.
    """
    rows = read_rows(path, ("ID", "Label"))
    listing = Listing(list(rows["ID"]), [], [(0, 0)] * len(rows), [], [], rows.drop(columns=["ID", "Label", ROW]))
    repeating = 0
    for image_id, text, row in zip(rows["ID"], rows["Label"], rows[ROW], strict=True):
        classes, reason = read_label_text(text, class_names)
        listing.classes.append(format_classes(classes))
        if reason:
            listing.problems.append(Problem(image_id or f"{path.name} row {row}", f"{path.name} row {row}: {reason}"))
        elif len(classes) < text.count("|") + 1:
            repeating += 1
    if repeating:
        reason = f"rows that name a class more than once: {repeating}; it counts once"
        listing.warnings.append(Problem(path.name, reason))
    listing.problems += id_problems(path.name, listing.ids, list(rows[ROW]))
    return listing


def sample_listing(path: Path) -> Listing:
    """Read `ID,ImageWidth,ImageHeight` of a sample submission.

    Raises:
        InputError: If the file is no such table. Rows that cannot be used are kept, and named in `problems`.
    """
    rows = read_rows(path, _SAMPLE_COLUMNS[:2])
    id_column = next((name for name in ID_NAMES if name in rows.columns), None)
    if id_column is None:
        raise InputError(f"{path}: a column ID is expected; the header reads {', '.join(rows.columns.drop(ROW))}.")
    further = rows.drop(columns=[id_column, *_SAMPLE_COLUMNS, ROW], errors="ignore")
    listing = Listing(list(rows[id_column]), [""] * len(rows), [], [], [], further)
    for width, height, row in zip(rows["ImageWidth"], rows["ImageHeight"], rows[ROW], strict=True):
        size = whole_px(height), whole_px(width)
        listing.sizes.append(size if all(size) else (0, 0))
        if not all(size):
            reason = f"ImageWidth '{width}', ImageHeight '{height}': positive whole numbers of pixels are expected"
            listing.problems.append(Problem(f"{path.name} row {row}", reason))
    listing.problems += id_problems(path.name, listing.ids, list(rows[ROW]))
    return listing
