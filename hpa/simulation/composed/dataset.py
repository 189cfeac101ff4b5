"""A data set of composed fields in the layout of the competition, with its ground truth and where each cell comes from.

Beside the files of `hpa.simulation.competition_folder`:

    cells.csv      split,ID,cell,crop,classes,specimen,top,left     each cell of each field; px
    class_names.csv    number,name      where the classes are no locations of the Atlas
    label_rates.csv    how often each class is missed or invented, in images and in cells
    world.json     settings, and the noise of labels that are copied to cells
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
from tqdm import tqdm

from hpa.core.errors import InputError
from hpa.core.image_table import format_classes
from hpa.core.whole_file import whole_folder
from hpa.simulation.competition_folder import WrittenField, make_folders, write_field, write_tables
from hpa.simulation.composed.cell_library import CellCrop, CellLibrary
from hpa.simulation.composed.composition import Composition, Placed, compose_field
from hpa.simulation.composed.specimen_split import split_by_specimen
from hpa.simulation.label_noise import copy_noise
from hpa.simulation.label_rates import FILE_NAME as LABEL_RATES_FILE
from hpa.simulation.label_rates import write_label_rates
from hpa.simulation.parallel import check_counts, in_order
from hpa.sources.class_names import FILE_NAME as CLASS_NAMES_FILE
from hpa.sources.class_names import write_class_names


@dataclass(frozen=True)
class Composed:
    """A field on disk, and the cells in it."""

    field: WrittenField
    placed: tuple[Placed, ...]


@dataclass(frozen=True)
class WrittenSet:
    """What was written: cells by split, and those that found no room in their field."""

    cells: dict[str, int]
    without_room: int


def write_composed(
    folder: Path, library: CellLibrary, how: Composition, *, images: int, test_share: float, workers: int = 1
) -> WrittenSet:
    """Compose `images` fields, training and test together, of cells of different specimens.

    Args:
        folder: Where the data set shall be; missing or empty.
        library: The cells.
        how: Settings.
        images: Number of fields.
        test_share: Share of the cells of each class, and of the fields, that test; above 0 and at most a half.
        workers: Processes.

    Raises:
        InputError: If the folder holds anything, a number makes no sense, or a crop is larger than a field.
        DataError: If a class cannot be in both splits.
    """
    _check(library, how, test_share)
    test_images = max(1, round(test_share * images))
    check_counts(images, test_images, how.seed, workers)
    crops = split_by_specimen(library, test_share, how.seed)
    with whole_folder(folder) as part:
        make_folders(part)
        composed = {}
        for split, count in (("train", images - test_images), ("test", test_images)):
            draw = partial(_write_one, part, how, crops[split], split)
            composed[split] = list(tqdm(in_order(draw, count, workers), f"{split} fields", count, disable=None))
        write_tables(part, {split: [one.field for one in fields] for split, fields in composed.items()})
        _write_cells(part / "cells.csv", composed)
        train_fields = [one.field for one in composed["train"]]
        write_label_rates(part / LABEL_RATES_FILE, train_fields, library.numbers.names)
        if not library.numbers.are_locations:
            write_class_names(part / CLASS_NAMES_FILE, library.numbers.names)
        description = _described(library, how, composed, crops)
        (part / "world.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return _counted(composed, how)


def _check(library: CellLibrary, how: Composition, test_share: float) -> None:
    """Raise InputError for settings that do not fit the crops, or make no sense."""
    if not 0 < test_share <= 0.5:
        raise InputError(f"the test share lies above 0 and at most at 0.5, came {test_share}.")
    if not 1 <= how.cells[0] <= how.cells[1]:
        raise InputError(f"a field holds 1 cell or more, from fewest to most, came {how.cells[0]} to {how.cells[1]}.")
    if how.max_classes < 1 or not 0 < how.main_share <= 1:
        raise InputError(
            f"fields show 1 class or more and the main class has a share above 0 and at most 1; came "
            f"{how.max_classes} classes, a share of {how.main_share}."
        )
    if len(how.noise.false_negative_rate) <= max(library.numbers.names):
        raise InputError(f"label noise needs a rate for each class from 0 to {max(library.numbers.names)}.")
    too_large = [crop for crop in library.crops if max(crop.shape[1:]) > min(how.height, how.width)]
    if too_large:
        crop = too_large[0]
        raise InputError(
            f"{crop.path} has {crop.shape[2]}x{crop.shape[1]} px, a field {how.width}x{how.height}: a crop, rotated or "
            f"not, must fit in it ({len(too_large)} do not); write --size {library.side_px} or more."
        )
    if len(how.channels) != library.channel_count:
        raise InputError(
            f"the crops have {library.channel_count} channels, named are {', '.join(how.channels)}; name each of them."
        )


def _write_one(folder: Path, how: Composition, crops: Sequence[CellCrop], split: str, index: int) -> Composed:
    """Compose one field and write its files."""
    cv2.setNumThreads(0)  # fields, not pixels, are shared out between processes
    labelled, placed = compose_field(how, crops, split, index)
    return Composed(write_field(folder, split, labelled), tuple(placed))


def _write_cells(path: Path, composed: Mapping[str, Sequence[Composed]]) -> None:
    """Write cells.csv."""
    rows = [
        [split, one.field.truth.image_id, cell, crop.path, format_classes(crop.classes), crop.specimen, top, left]
        for split, fields in composed.items()
        for one in fields
        for cell, (crop, top, left) in enumerate(one.placed, start=1)
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["split", "ID", "cell", "crop", "classes", "specimen", "top", "left"])
        writer.writerows(rows)


def _described(
    library: CellLibrary,
    how: Composition,
    composed: Mapping[str, Sequence[Composed]],
    crops: Mapping[str, Sequence[CellCrop]],
) -> dict[str, object]:
    """Return the content of world.json."""
    fields = [one.field for split in composed.values() for one in split]
    names = library.numbers.names
    return {
        "settings": asdict(how) | {"images": {split: len(found) for split, found in composed.items()}},
        "classes": {str(number): name for number, name in names.items()},
        "crops": {split: len(found) for split, found in crops.items()},
        "specimens": {split: len({crop.specimen for crop in found}) for split, found in crops.items()},
        "label_noise": asdict(copy_noise((field.image_classes, field.cell_classes) for field in fields)),
    }


def _counted(composed: Mapping[str, Sequence[Composed]], how: Composition) -> WrittenSet:
    cells = {split: sum(len(one.placed) for one in fields) for split, fields in composed.items()}
    short = sum(max(0, how.cells[0] - len(one.placed)) for fields in composed.values() for one in fields)
    return WrittenSet(cells, short)
