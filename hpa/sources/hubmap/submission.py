"""A tissue submission (`id,rle`) beside the truth it is scored against (columns of train.csv), image by image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hpa.core.encoding import read_column_runs
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.run_lengths import Runs
from hpa.formats.csv_rows import ROW, read_rows
from hpa.sources.row_checks import whole_px

_SUBMISSION_COLUMNS = ("id", "rle")
_TRUTH_COLUMNS = ("id", "organ", "img_height", "img_width", "rle")


@dataclass(frozen=True)
class MaskPair:
    """The predicted and the true mask of one image, and the organ it shows."""

    image_id: str
    organ: str
    predicted: Runs
    true: Runs


def paired_masks(submission: Path, truth: Path) -> list[MaskPair]:
    """Return the masks of all images, in the order of the truth; a blank `rle` is a mask without a pixel.

    Raises:
        InputError: If a file is no such table.
        DataError: With every row of either file that cannot be used, and every id that only one of them has.
    """
    problems: list[Problem] = []
    predicted_rows = _rows_by_id(submission, _SUBMISSION_COLUMNS, problems)
    true_rows = _rows_by_id(truth, _TRUTH_COLUMNS, problems)
    problems += _of_one_file(true_rows.keys() - predicted_rows.keys(), "has no row in the submission; add it")
    problems += _of_one_file(predicted_rows.keys() - true_rows.keys(), "is not in the truth; take its row out")
    pairs = []
    for image_id, row in true_rows.items():
        height, width = whole_px(row["img_height"]), whole_px(row["img_width"])
        if not (height and width and row["organ"]):
            values = f"organ '{row['organ']}', img_height '{row['img_height']}', img_width '{row['img_width']}'"
            reason = "a name and positive whole numbers of pixels are expected"
            problems.append(Problem(_place(truth, row), f"{values}: {reason}"))
        elif image_id in predicted_rows:
            predicted = _runs(submission, predicted_rows[image_id], height, width, problems)
            pairs.append(MaskPair(image_id, row["organ"], predicted, _runs(truth, row, height, width, problems)))
    if problems:
        raise DataError(f"{submission} against {truth}", problems)
    return pairs


def _rows_by_id(path: Path, columns: tuple[str, ...], problems: list[Problem]) -> dict[str, dict[str, str]]:
    """Return the text of each row by its id, the first where an id stands twice."""
    rows: dict[str, dict[str, str]] = {}
    for values in read_rows(path, columns)[[*columns, ROW]].to_dict("records"):
        row = {str(name): str(value) for name, value in values.items()}
        if not row["id"]:
            problems.append(Problem(_place(path, row), "the id is blank; write it or take the row out"))
        elif row["id"] in rows:
            problems.append(Problem(_place(path, row), f"the id stands in row {rows[row['id']][ROW]} too; keep one"))
        else:
            rows[row["id"]] = row
    return rows


def _runs(path: Path, row: dict[str, str], height: int, width: int, problems: list[Problem]) -> Runs:
    """Return the runs of a row; where they cannot be read, none, and a problem is added."""
    try:
        return read_column_runs(row["rle"], height, width)
    except InputError as error:
        problems.append(Problem(_place(path, row), str(error)))
        return read_column_runs("", height, width)


def _of_one_file(image_ids: Iterable[str], reason: str) -> list[Problem]:
    return [Problem(image_id, reason) for image_id in sorted(image_ids)]


def _place(path: Path, row: dict[str, str]) -> str:
    return f"{path.name} row {row[ROW]} ({row['id'] or 'no id'})"
