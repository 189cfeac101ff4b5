"""A synthetic data set in the layout of the single-cell competition, with its ground truth apart.

    train.csv                      ID,Label          labels of the image, "0|16"
    train/<ID>_{red,green,blue,yellow}.png           8 bit grey
    test/<ID>_….png
    sample_submission.csv          ID,ImageWidth,ImageHeight,PredictionString
    truth_train.csv, truth_test.csv                  ID,ImageWidth,ImageHeight,TruthString
    label_maps/{train,test}/<ID>.png                 16 bit, 0 background
    world.json                     what made it, and the noise of its labels

It is written beside its place and renamed at the end, so that a folder of that name is always whole.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
from tqdm import tqdm

from hpa.core.encoding import encode_label_map
from hpa.core.errors import InputError
from hpa.core.image_table import format_classes
from hpa.core.submission import format_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, write_table
from hpa.core.whole_file import whole_folder
from hpa.formats.label_maps import write_label_map
from hpa.simulation.label_noise import copy_noise
from hpa.simulation.parallel import check_counts, in_order
from hpa.simulation.synthetic_field import SyntheticField, render_field

DUMMY_PREDICTION = "0 1 eNoLCAgIMAEABJkBdQ=="
"""Prediction in every row of the competition's sample_submission.csv."""
MIN_SIDE_PX = 32
_PNG_LEVEL = 1  # noise hardly compresses: higher levels cost time for a few per cent


@dataclass(frozen=True)
class WrittenField:
    """Columns of the tables for a field whose images are on disk."""

    truth: TableRow
    image_classes: tuple[int, ...]
    cell_classes: tuple[tuple[int, ...], ...]
    cell_line: str


def write_competition(
    folder: Path,
    *,
    images: int,
    side_px: int | tuple[int, int],
    seed: int,
    test_images: int | None = None,
    workers: int = 1,
) -> None:
    """Write a data set of `images` fields, training and test together.

    A field depends on its seed, split and number alone: larger data sets of one seed begin with the smaller ones.

    Args:
        folder: Where it shall be; missing or empty.
        images: Number of fields.
        side_px: Side of the fields, or height and width; a field is 164 µm wide whatever its pixels.
        seed: Another seed gives other fields.
        test_images: How many of the fields are the test split; None for a quarter.
        workers: Processes.

    Raises:
        InputError: If the folder holds anything, or a number makes no sense.
    """
    height, width = (side_px, side_px) if isinstance(side_px, int) else side_px
    test_images = max(1, images // 4) if test_images is None else test_images
    check_counts(images, test_images, seed, workers)
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(f"fields have sides of {MIN_SIDE_PX} px or more, got {height} x {width}.")
    with whole_folder(folder) as part:
        written = {}
        for split, count in (("train", images - test_images), ("test", test_images)):
            (part / split).mkdir(parents=True)
            draw = partial(write_field, part, seed, split, height, width)
            written[split] = list(tqdm(in_order(draw, count, workers), f"{split} fields", count, disable=None))
            write_table(part / f"truth_{split}.csv", TRUTH_COLUMN, [field.truth for field in written[split]])
        _write_labels(part / "train.csv", written["train"])
        _write_sample(part / "sample_submission.csv", written["test"])
        settings = {"images": images, "test_images": test_images, "height": height, "width": width, "seed": seed}
        _write_description(part / "world.json", settings, written)


def write_field(folder: Path, seed: int, split: str, height: int, width: int, index: int) -> WrittenField:
    """Draw one field, write its planes and label map, and return its rows of the tables."""
    cv2.setNumThreads(0)  # fields, not pixels, are shared out between processes
    drawn = render_field(seed, split, index, height, width)
    image_id = drawn.field.image_id
    for channel, plane in zip(drawn.field.channels, drawn.field.pixels, strict=True):
        path = folder / split / f"{image_id}_{channel}.png"
        if not cv2.imwrite(str(path), plane, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL]):
            raise InputError(f"{path}: cannot be written; is the disk full?")
    write_label_map(folder / "label_maps" / split / f"{image_id}.png", drawn.cells)
    truth = TableRow(image_id, width, height, truth_of(drawn))
    return WrittenField(truth, drawn.image_classes, drawn.cell_classes, drawn.cell_line)


def truth_of(drawn: SyntheticField) -> str:
    """Return the TruthString: each cell once for each of its classes."""
    masks = encode_label_map(drawn.cells)
    pairs = [(kind, masks[cell]) for cell, kinds in enumerate(drawn.cell_classes, start=1) for kind in kinds]
    return format_truth([kind for kind, _ in pairs], [mask for _, mask in pairs])


def _write_labels(path: Path, fields: Sequence[WrittenField]) -> None:
    """Write train.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ID", "Label"])
        writer.writerows([field.truth.image_id, format_classes(field.image_classes)] for field in fields)


def _write_sample(path: Path, fields: Sequence[WrittenField]) -> None:
    """Write sample_submission.csv."""
    rows = [TableRow(field.truth.image_id, field.truth.width, field.truth.height, DUMMY_PREDICTION) for field in fields]
    write_table(path, PREDICTION_COLUMN, rows)


def _write_description(path: Path, settings: dict[str, int], written: dict[str, list[WrittenField]]) -> None:
    """Write world.json."""
    fields = [field for split in written.values() for field in split]
    noise = copy_noise((field.image_classes, field.cell_classes) for field in fields)
    lines = {field.truth.image_id: field.cell_line for field in fields}
    description = {"settings": settings, "label_noise": asdict(noise), "cell_lines": lines}
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
