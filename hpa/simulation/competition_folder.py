"""A data set in the layout of the single-cell competition, written field by field.

train.csv                      ID,Label          labels of the image, "0|16"
train/<ID>_{red,green,blue,yellow}.png           grey, those channels that the fields have
test/<ID>_….png
sample_submission.csv          ID,ImageWidth,ImageHeight,PredictionString
truth_train.csv, truth_test.csv                  ID,ImageWidth,ImageHeight,TruthString
label_maps/{train,test}/<ID>.png                 16 bit, 0 background
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int32

from hpa.core.encoding import encode_label_map
from hpa.core.field import Field
from hpa.core.image_table import format_classes
from hpa.core.submission import format_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, write_table
from hpa.formats.label_maps import write_label_map

DUMMY_PREDICTION = "0 1 eNoLCAgIMAEABJkBdQ=="
"""Prediction in every row of the competition's sample_submission.csv."""
SPLITS = ("train", "test")
_PNG_LEVEL = 1  # noise hardly compresses: higher levels cost time for a few per cent


@dataclass(frozen=True)
class LabelledField:
    """A field and its ground truth.

    Attributes:
        field: The planes.
        cells: Label map, 1..n.
        cell_classes: Classes of each cell, cell 1 first.
        image_classes: Labels of the image.
    """

    field: Field
    cells: Int32[np.ndarray, "height width"]
    cell_classes: tuple[tuple[int, ...], ...]
    image_classes: tuple[int, ...]


@dataclass(frozen=True)
class WrittenField:
    """Columns of the tables for a field whose images are on disk."""

    truth: TableRow
    image_classes: tuple[int, ...]
    cell_classes: tuple[tuple[int, ...], ...]

    @property
    def shown(self) -> frozenset[int]:
        """Return the classes that any of its cells shows."""
        return frozenset(kind for kinds in self.cell_classes for kind in kinds)


def make_folders(folder: Path) -> None:
    """Make the folders of the splits, which hold nothing yet."""
    for split in SPLITS:
        (folder / split).mkdir(parents=True)


def write_field(folder: Path, split: str, drawn: LabelledField) -> WrittenField:
    """Write planes and label map of a field, and return its rows of the tables."""
    image_id = drawn.field.image_id
    for channel, plane in zip(drawn.field.channels, drawn.field.pixels, strict=True):
        path = folder / split / f"{image_id}_{channel}.png"
        _, encoded = cv2.imencode(".png", plane, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
        path.write_bytes(encoded.tobytes())  # an error of the system says what is wrong, imwrite does not
    write_label_map(folder / "label_maps" / split / f"{image_id}.png", drawn.cells)
    height, width = drawn.cells.shape
    truth = TableRow(image_id, width, height, truth_of(drawn.cells, drawn.cell_classes))
    return WrittenField(truth, drawn.image_classes, drawn.cell_classes)


def truth_of(cells: Int32[np.ndarray, "height width"], cell_classes: Sequence[Sequence[int]]) -> str:
    """Return the TruthString: each cell once for each of its classes."""
    masks = encode_label_map(cells)
    pairs = [(kind, masks[cell]) for cell, kinds in enumerate(cell_classes, start=1) for kind in kinds]
    return format_truth([kind for kind, _ in pairs], [mask for _, mask in pairs])


def write_tables(folder: Path, written: Mapping[str, Sequence[WrittenField]]) -> None:
    """Write labels, sample submission and ground truth of the fields of each split."""
    for split in SPLITS:
        write_table(folder / f"truth_{split}.csv", TRUTH_COLUMN, [field.truth for field in written[split]])
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ID", "Label"])
        writer.writerows([field.truth.image_id, format_classes(field.image_classes)] for field in written["train"])
    sizes = [field.truth for field in written["test"]]
    rows = [TableRow(row.image_id, row.width, row.height, DUMMY_PREDICTION) for row in sizes]
    write_table(folder / "sample_submission.csv", PREDICTION_COLUMN, rows)
