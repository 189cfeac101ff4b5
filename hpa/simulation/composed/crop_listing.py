"""Which crops there are, by folder or by table; nothing is read but names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hpa.core.errors import DataError, InputError, Problem
from hpa.formats.csv_rows import ROW, read_rows
from hpa.formats.label_maps import SUFFIXES as MASK_SUFFIXES
from hpa.simulation.composed.crop_file import SUFFIXES

MASK_ENDING = "_mask"


@dataclass(frozen=True)
class ListedCrop:
    """A crop that is named, before it is read.

    Attributes:
        path: Its file.
        mask_path: File of its mask, None where there is none.
        class_names: Its classes.
        specimen: What it was cut from.
    """

    path: Path
    mask_path: Path | None
    class_names: tuple[str, ...]
    specimen: str


@dataclass(frozen=True)
class CropListing:
    """Crops, and files that are none; `where` is for messages."""

    where: str
    crops: tuple[ListedCrop, ...]
    passed_over: tuple[Path, ...] = ()


def crops_in_folder(folder: Path, specimen_pattern: str | None) -> CropListing:
    """List `CLASS/*` and `CLASS/SPECIMEN/*`: PNG, TIFF and .npy files; `NAME_mask.*` beside a crop is its mask.

    Args:
        folder: One folder a class in it.
        specimen_pattern: Regular expression whose match in a file name (its first group where it has one) names the
            specimen; None takes the folder between class and file, and every crop right in its class for a specimen of
            its own.

    Raises:
        InputError: If there is no such folder, or the pattern is none.
        DataError: Naming every class without crops, and every crop without a specimen.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder with one folder a class, or a table crop,class is expected; none there.")
    by_folder = partial(_folder_specimen, folder)
    specimen_of = by_folder if specimen_pattern is None else _pattern_specimen(specimen_pattern)
    entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    crops: list[ListedCrop] = []
    passed_over = [path for path in entries if path.is_file()]
    problems: list[Problem] = []
    for place in filter(Path.is_dir, entries):
        files = [path for path in sorted(place.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        own = {path: mask_beside(path) for path in files if _is_crop(path)}
        passed_over += [path for path in files if path not in own and path not in own.values()]
        names = {path: specimen_of(path) for path in own}
        crops += [ListedCrop(path, mask, (place.name,), names[path] or "") for path, mask in own.items()]
        if not own:
            problems.append(
                Problem(place.name, f"holds no crop ({', '.join(SUFFIXES)}); add some, or remove the folder")
            )
        problems += [Problem(str(path), "the pattern finds no specimen in its name") for path in own if not names[path]]
    if problems:
        raise DataError(str(folder), problems)
    return CropListing(str(folder), tuple(crops), tuple(passed_over))


def crops_in_table(table: Path, specimen_column: str | None) -> CropListing:
    """Read a table `crop,class`: paths from the table's folder, classes separated by `|` where a cell shows several.

    Args:
        table: CSV or TSV file; a column `mask` may name the mask of each crop, else `NAME_mask.*` beside it is taken.
        specimen_column: Column that names the specimen; None takes each crop for a specimen of its own.

    Raises:
        InputError: If the table cannot be read or lacks a column.
        DataError: Naming every row that cannot be used.
    """
    rows = read_rows(table, ["crop", "class", *([specimen_column] if specimen_column else [])]).to_dict("records")
    crops, problems = [], []
    for row in rows:
        path, mask = table.parent / row["crop"], table.parent / row.get("mask", "")
        names = tuple(dict.fromkeys(name.strip() for name in row["class"].split("|") if name.strip()))
        specimen = row[specimen_column] if specimen_column else row["crop"]
        if not (row["crop"] and names and specimen):
            problems.append(
                Problem(f"row {row[ROW]}", "crop, class and specimen are expected; fill in what is missing")
            )
        elif not path.is_file() or (row.get("mask") and not mask.is_file()):
            problems.append(Problem(f"row {row[ROW]}", f"{path if not path.is_file() else mask} is no file; mend it"))
        else:
            crops.append(ListedCrop(path, mask if row.get("mask") else mask_beside(path), names, specimen))
    for path, count in Counter(one.path for one in crops).items():
        if count > 1:
            problems.append(Problem(str(path), "stands in several rows; keep one, its classes separated by '|'"))
    if problems:
        raise DataError(str(table), problems)
    return CropListing(str(table), tuple(crops))


def mask_beside(path: Path) -> Path | None:
    """Return the file `NAME_mask.*` beside a crop, None where there is none."""
    places = [path.with_name(f"{path.stem}{MASK_ENDING}{suffix}") for suffix in MASK_SUFFIXES]
    return next((place for place in places if place.is_file()), None)


def _is_crop(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.stem.endswith(MASK_ENDING)


def _folder_specimen(folder: Path, path: Path) -> str:
    """Return the folders below the class, which name a specimen whatever the class, else the file."""
    parts = path.relative_to(folder).parts[1:]
    return "/".join(parts[:-1]) if len(parts) > 1 else str(path)


def _pattern_specimen(pattern: str) -> Callable[[Path], str | None]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--specimen-pattern '{pattern}' is no regular expression: {error}.") from error

    def specimen_of(path: Path) -> str | None:
        match = compiled.search(path.name)
        return match and (match[1] if compiled.groups else match[0])

    return specimen_of
