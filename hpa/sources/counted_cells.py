"""How many cells of each type a result holds, image by image, whatever kind of file it is.

A COCO file (`.json`), the table of cells of `also=cells` (`.parquet`), a table `ID,cell,class`, or a submission, whose
cells are of their most confident class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from hpa.core.errors import InputError
from hpa.core.submission import parse_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, read_table
from hpa.formats.coco_file import category_names, read_coco
from hpa.formats.parquet_table import read_parquet
from hpa.sources.cell_classes import read_cell_classes

_CONFIDENCE = "confidence_"
_MAX_CLASS = 999


@dataclass(frozen=True)
class CountedCells:
    """Cells of each type in each image.

    Attributes:
        image_ids: The images.
        names: Of the types.
        counts: Cells of each type.
        confidences: Of the cells in their most confident class, empty where the result has none.
    """

    image_ids: tuple[str, ...]
    names: tuple[str, ...]
    counts: Int64[np.ndarray, "image type"]
    confidences: Float64[np.ndarray, " cell"] = field(default_factory=lambda: np.zeros(0))


def count_cells(path: Path, names: Sequence[str] | None) -> CountedCells:
    """Count the cells of a result.

    Args:
        path: The file.
        names: The types in order; None takes those of the file: as it orders them, or sorted where it does not. A
            submission knows numbers only.

    Raises:
        InputError: If the file is of no kind that is known, cannot be read, or holds a type that is not named.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: the file is missing; give a COCO file, a table of cells, a submission, or a folder of label maps."
        )
    match path.suffix.lower():
        case ".json":
            images = read_coco(path)  # names what is wrong
            found = [(image.name, list(image.class_names)) for image in images]
            counted = _counted(path, found, names or category_names(path))
            scores = [score for image in images for score in image.scores if score is not None]
            return replace(counted, confidences=np.array(scores, np.float64))
        case ".parquet":
            return _of_parquet(path, names)
        case ".csv":
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                is_submission = PREDICTION_COLUMN in file.readline()
            return _of_submission(path, names) if is_submission else _of_classes(path, names)
    raise InputError(f"{path}: .json (COCO), .parquet (also=cells) or .csv are expected, came '{path.suffix}'.")


def _of_parquet(path: Path, names: Sequence[str] | None) -> CountedCells:
    frame = read_parquet(path, "a table of cells", "write it again (also=cells).")
    columns = [name for name in frame if str(name).startswith(_CONFIDENCE)]
    if "image" not in frame or not columns:
        raise InputError(f"{path}: columns image and {_CONFIDENCE}<class> are expected, as also=cells writes them.")
    types = [str(name).removeprefix(_CONFIDENCE) for name in columns]
    confidences = frame[columns].to_numpy()
    if confidences.dtype.kind not in "fiu" or not np.isfinite(confidences).all():
        raise InputError(
            f"{path}: the columns {_CONFIDENCE}<class> must hold numbers only; write it again (also=cells)."
        )
    most_confident = confidences.argmax(axis=1)
    counted = _counted(
        path, _by_image(zip(frame["image"], (types[place] for place in most_confident), strict=True)), names or types
    )
    return replace(counted, confidences=confidences.max(axis=1).astype(np.float64))


def _of_submission(path: Path, names: Sequence[str] | None) -> CountedCells:
    found, confidences = [], []
    for row in read_table(path, PREDICTION_COLUMN):
        prediction = parse_prediction(row.text)
        most_confident: dict[str, tuple[float, int]] = {}
        for mask, number, confidence in zip(prediction.masks, prediction.classes, prediction.confidences, strict=True):
            most_confident[mask] = max(most_confident.get(mask, (-np.inf, 0)), (float(confidence), int(number)))
        found.append((row.image_id, [number for _, number in most_confident.values()]))
        confidences += [confidence for confidence, _ in most_confident.values()]
    first = min((number for _, numbers in found for number in numbers), default=0)
    last = max((number for _, numbers in found for number in numbers), default=0)
    if first < 0 or last > _MAX_CLASS:
        raise InputError(f"{path}: classes are the numbers 0 to {_MAX_CLASS}, it holds {first if first < 0 else last}.")
    types = list(names) if names is not None else [str(number) for number in range(last + 1)]
    if last >= len(types):
        raise InputError(f"{path}: holds class {last}, named are {', '.join(types)}; name every class in --types.")
    counted = _counted(path, [(image, [types[number] for number in numbers]) for image, numbers in found], types)
    return replace(counted, confidences=np.array(confidences, np.float64))


def _of_classes(path: Path, names: Sequence[str] | None) -> CountedCells:
    classes = read_cell_classes(path).of_cell
    if not classes:
        raise InputError(f"{path}: rows ID,cell,class with the number of a cell are expected, there is none.")
    return _counted(path, _by_image((image, name) for (image, _), name in classes.items()), names)


def _by_image(cells: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return the types of the cells of each image, from pairs of image and type."""
    found: dict[str, list[str]] = {}
    for image, name in cells:
        found.setdefault(str(image), []).append(name)
    return list(found.items())


def _counted(path: Path, found: Sequence[tuple[str, Sequence[str]]], names: Sequence[str] | None) -> CountedCells:
    seen = sorted({name for _, types in found for name in types})
    if strange := [name for name in seen if not name.isprintable()]:
        raise InputError(f"{path}: names of classes that can be printed are expected, came {strange[0]!r}; rename it.")
    types = tuple(seen if names is None else names)
    unknown = [name for name in seen if name not in types]
    if unknown:
        raise InputError(f"{path}: holds cells of {', '.join(unknown)}, named are {', '.join(types)}; name all types.")
    tallies = [Counter(kinds) for _, kinds in found]
    counts = np.array([[tally[name] for name in types] for tally in tallies], np.int64).reshape(-1, len(types))
    return CountedCells(tuple(image for image, _ in found), types, counts)
