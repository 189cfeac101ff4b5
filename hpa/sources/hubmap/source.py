"""The layout of the competition "Hacking the Human Body" (HuBMAP + HPA, 2022): sections of five organs.

Files are `train.csv`, `test.csv`, `train_images/<id>.tiff`, `test_images/` and `train_annotations/<id>.json`. The mask
of functional tissue units is read from the column `rle`, and where this is blank painted from the polygons. The table
is made from all rows, headers and polygons and names every defect, so that all can be mended before training.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool

from hpa.core.addresses import as_path
from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.file_identity import file_identity
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.core.workbooks import needed_table_file
from hpa.formats.image_header import PlaneInfo
from hpa.interfaces import Instances, Split
from hpa.sources.hubmap.annotations import polygon_mask, read_polygons
from hpa.sources.hubmap.check import Findings, inspect_picture, inspect_polygons, size_difference
from hpa.sources.hubmap.listing import TissueListing, TissueRow, read_listing
from hpa.sources.hubmap.pictures import read_picture
from hpa.sources.row_checks import with_further_columns

_HEADER_THREADS = 8
"""Reading headers is waiting for the disk, so more threads than cores."""
_SUFFIXES = (".tiff", ".tif", ".TIFF", ".TIF")
_LAYOUT = (
    "expected are train.csv (id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness,rle,age,sex) and "
    "test.csv (the first seven), pictures {id}.tiff in train_images/ and test_images/, and where rle is blank polygons "
    "{id}.json in train_annotations/"
)


class Hubmap:
    """Reads tissue sections and their masks (an `ImageSource` and `InstanceTruth`); planes are red, green, blue light.

    Args:
        root: Folder with train.csv, train_images/, train_annotations/, test.csv, test_images/.
        pixel_um: Side of a pixel of every image, µm; None takes that of each row.

    Raises:
        InputError: If the pixel size makes no sense.
    """

    channels: tuple[str, ...] = ("red", "green", "blue")
    class_names: tuple[str, ...] = ("functional tissue unit",)

    def __init__(self, root: str | Path, pixel_um: float | None) -> None:
        self.root = as_path(root)
        if pixel_um is not None and not (math.isfinite(pixel_um) and pixel_um > 0):
            raise InputError(
                f"data.pixel_um={pixel_um}: a size in µm above 0 is expected, or null to take that of each row."
            )
        self.pixel_um = pixel_um
        self._listings: dict[Split, TissueListing] = {}

    @property
    def cell_truth(self) -> None:
        """Return None: tissue has no cells."""
        return

    def table(self, split: Split) -> ImageTable:
        """List the images of train.csv or test.csv, with organ, thickness_um, age and sex beside the usual columns.

        Raises:
            InputError: If the layout is not there at all. What is wrong with single rows stands in `problems`.
        """
        listing = self._listing(split)
        names = self._picture_names(split)
        with ThreadPoolExecutor(_HEADER_THREADS) as pool:
            seen = list(pool.map(lambda row: self._inspect(row, split, names), listing.rows))
        problems, warnings = list(listing.problems), list(listing.warnings)
        for row, findings in zip(listing.rows, seen, strict=True):
            if row.image_id:  # a blank one is reported already
                problems += [Problem(row.image_id, reason) for reason in findings.problems]
                warnings += [Problem(row.image_id, warning) for warning in findings.warnings]
        frame = self._assemble(listing.rows, [findings.info for findings in seen])
        frame = with_further_columns(frame, listing.further, split)
        return ImageTable(frame, self.class_names, str(self.root), tuple(problems), tuple(warnings))

    def ids(self, split: Split) -> list[str]:
        """List the images of a split by name, without a look at their files.

        Raises:
            InputError: If the CSV file is missing or no such table.
        """
        return [row.image_id for row in self._listing(split).rows]

    def read(self, image_id: str, split: Split) -> Field:
        """Read one picture; its planes are red, green and blue, 8 or 16 bit as stored.

        Raises:
            InputError: If no row names the image, or its file is missing, damaged, no RGB picture or of another size.
        """
        row = self._row(image_id, split)
        path = self._picture_path(image_id, split)
        pixels = read_picture(path)
        if difference := size_difference(row, *pixels.shape[1:]):
            raise InputError(f"{path}: {difference}")
        return Field(image_id, pixels, self.channels, row.pixel_um)

    def mask(self, image_id: str) -> Bool[np.ndarray, "height width"]:
        """Return the functional tissue units of a training image: of `rle`, or where this is blank of the polygons.

        Raises:
            InputError: If no row names the image, or its mask cannot be read.
        """
        row = self._row(image_id, "train")
        if row.rle:
            return decode_column_runs(row.rle, row.height, row.width)
        return polygon_mask(read_polygons(self._annotation_path(image_id)), row.height, row.width)

    def instances(self, image_id: str) -> Instances:
        """Return the functional tissue units of a training image: what is connected in its mask, corners included.

        Raises:
            InputError: As `mask`.
        """
        count, label_map = cv2.connectedComponents(self.mask(image_id).astype(np.uint8), connectivity=8)
        return Instances(label_map, np.zeros(count - 1, np.int64))

    def identity(self, image_id: str, split: Split) -> str:
        """Name the content of a picture by its file, without decoding it.

        Raises:
            InputError: If the file is missing.
        """
        return file_identity(self._picture_path(image_id, split))

    def _listing(self, split: Split) -> TissueListing:
        """Return the rows of a split, read at first use."""
        if split not in self._listings:
            path = needed_table_file(self.root / f"{split}.csv")
            if not path.is_file():
                raise InputError(f"{path}: the file is missing; {_LAYOUT}. Check data.root.")
            self._listings[split] = read_listing(path, self.pixel_um)
        return self._listings[split]

    def _row(self, image_id: str, split: Split) -> TissueRow:
        row = next((row for row in self._listing(split).rows if row.image_id == image_id), None)
        if row is None:
            raise InputError(f"{self.root / split}.csv: there is no row of image '{image_id}'; check the id.")
        return row

    def _picture_names(self, split: Split) -> set[str]:
        """Return the names of the pictures of a split: one look at the folder instead of one a file."""
        folder = self._picture_folder(split)
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; {_LAYOUT}. Check data.root.")
        return {path.name for path in folder.iterdir() if path.suffix in _SUFFIXES}

    def _picture_folder(self, split: Split) -> Path:
        return self.root / f"{split}_images"

    def _picture_path(self, image_id: str, split: Split) -> Path:
        """Return the file of an image; where there is none, the name it should have."""
        candidates = [self._picture_folder(split) / f"{image_id}{suffix}" for suffix in _SUFFIXES]
        return next((path for path in candidates if path.is_file()), candidates[0])

    def _annotation_path(self, image_id: str) -> Path:
        return self.root / "train_annotations" / f"{image_id}.json"

    def _inspect(self, row: TissueRow, split: Split, names: Collection[str]) -> Findings:
        """Look at the files of one image, without decoding a pixel."""
        findings = Findings()
        found = [f"{row.image_id}{suffix}" for suffix in _SUFFIXES if f"{row.image_id}{suffix}" in names]
        if len(found) > 1:
            findings.problems.append(f"{' and '.join(found)} are both there; keep one of them")
        if not found:
            wanted = f"{self._picture_folder(split)}: {row.image_id}{_SUFFIXES[0]}"
            findings.problems.append(f"{wanted} is missing; add the picture or take the row out")
        else:
            inspect_picture(findings, row, self._picture_folder(split) / found[0])
        if split == "train":
            inspect_polygons(findings, row, self._annotation_path(row.image_id))
        return findings

    def _assemble(self, rows: Sequence[TissueRow], infos: Sequence[PlaneInfo | None]) -> pd.DataFrame:
        """Put the table together; sizes are those of the CSV file, which the masks go by."""
        columns = {
            "image_id": [row.image_id for row in rows],
            "height": [row.height for row in rows],
            "width": [row.width for row in rows],
            "bits": [info.bits if info else 0 for info in infos],
            "pixel_um": [row.pixel_um for row in rows],
            "classes": "",
            "source": [row.source for row in rows],
            "group": [row.image_id for row in rows],
            "fold": -1,
        }
        further = {name: [getattr(row, name) for row in rows] for name in ("organ", "thickness_um", "age", "sex")}
        return pd.DataFrame({**{name: columns[name] for name in COLUMNS}, **further})
