"""What train.csv and test.csv of "Hacking the Human Body" (HuBMAP + HPA, 2022) list.

Organ, source, size, pixel size and thickness of the section; for training the mask, and age and sex of the donor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hpa.core.encoding import read_column_runs
from hpa.core.errors import InputError, Problem
from hpa.core.file_names import name_fault
from hpa.formats.csv_rows import ROW, read_rows
from hpa.sources.row_checks import whole_px

ORGANS: tuple[str, ...] = ("kidney", "largeintestine", "lung", "prostate", "spleen")
_COLUMNS = ("id", "organ", "data_source", "img_height", "img_width")
"""Columns that must be there; `pixel_size`, `tissue_thickness`, `rle`, `age` and `sex` may be blank or missing."""
_HPA_PIXEL_UM = dict.fromkeys(ORGANS, 0.4)
_NUMBERS, _OTHERS = ("pixel_size", "tissue_thickness", "age"), ("rle", "sex")
_HUBMAP_PIXEL_UM = {"kidney": 0.5, "largeintestine": 0.229, "lung": 0.7562, "prostate": 6.263, "spleen": 0.4945}
_PIXEL_UM_OF_SOURCE: dict[str, dict[str, float]] = {"hpa": _HPA_PIXEL_UM, "hubmap": _HUBMAP_PIXEL_UM}
"""What the organisers state of all images of a source and organ: taken where a row is blank."""


@dataclass(frozen=True)
class TissueRow:
    """One image as in its row.

    Attributes:
        image_id: Its name.
        organ: One of `ORGANS` where the row is valid.
        source: Who made it ("HPA", "Hubmap"), as written.
        height: Rows, px; 0 where unknown, the width alike.
        width: Columns, px.
        pixel_um: Side of a pixel, µm; NaN where unknown.
        thickness_um: Thickness of the section, µm; NaN where unknown.
        rle: Mask as column runs, "" where blank.
        age: Of the donor, years; NaN where unknown.
        sex: Of the donor, as written.
    """

    image_id: str
    organ: str
    source: str
    height: int
    width: int
    pixel_um: float
    thickness_um: float
    rle: str
    age: float
    sex: str


@dataclass
class TissueListing:
    """All rows of a file in its order, valid or not, with problems and warnings; the subject is the image id."""

    file_name: str
    rows: list[TissueRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    further: pd.DataFrame = field(default_factory=pd.DataFrame)
    """All other columns of the file."""


def read_listing(path: Path, pixel_um: float | None) -> TissueListing:
    """Read train.csv or test.csv.

    Args:
        path: The file.
        pixel_um: Side of a pixel of every image, µm, whatever the rows have; None takes that of the rows.

    Raises:
        InputError: If the file is no such table. Rows that cannot be used are kept, and named in `problems`.
    """
    listing = TissueListing(path.name)
    row_of: dict[str, int] = {}
    rows = read_rows(path, _COLUMNS, _NUMBERS)
    listing.further = rows.drop(columns=[*_COLUMNS, *_NUMBERS, *_OTHERS, ROW], errors="ignore")
    for values in rows.to_dict("records"):
        texts = {str(name): str(value) for name, value in values.items()}
        reader = _RowReader(texts, pixel_um)
        row = reader.read()
        subject = row.image_id or f"{path.name} row {texts[ROW]}"
        if row.image_id in row_of:
            reader.reasons.append(f"the id stands in row {row_of[row.image_id]} too; keep one row an image")
        elif row.image_id:
            row_of[row.image_id] = int(texts[ROW])
        listing.rows.append(row)
        listing.problems += [Problem(subject, f"{path.name} row {texts[ROW]}: {reason}") for reason in reader.reasons]
        listing.warnings += [
            Problem(subject, f"{path.name} row {texts[ROW]}: {warning}") for warning in reader.warnings
        ]
    return listing


class _RowReader:
    """Reads one row of text and gathers what is wrong with it.

    Args:
        texts: Text of each column.
        pixel_um: Side of a pixel, µm, whatever the row says, or None.
    """

    def __init__(self, texts: dict[str, str], pixel_um: float | None) -> None:
        self._texts = texts
        self._fixed_pixel_um = pixel_um
        self.reasons: list[str] = []
        """Why the row cannot be used."""
        self.warnings: list[str] = []
        """What was assumed."""

    def read(self) -> TissueRow:
        """Return the row, with zeros and nan where it cannot be read."""
        texts = self._texts
        if not texts["id"]:
            self.reasons.append("the id is blank; write it or take the row out")
        if fault := name_fault(texts["id"]):
            self.reasons.append(fault)
        if texts["organ"] not in ORGANS:
            self.reasons.append(f"organ '{texts['organ']}' is unknown; the organs are {', '.join(ORGANS)}")
        height, width = self._size()
        return TissueRow(
            image_id=texts["id"],
            organ=texts["organ"],
            source=texts["data_source"],
            height=height,
            width=width,
            pixel_um=self._pixel_um(),
            thickness_um=self._number("tissue_thickness"),
            rle=self._rle(height, width),
            age=self._number("age"),
            sex=texts.get("sex", ""),
        )

    def _size(self) -> tuple[int, int]:
        sides = whole_px(self._texts["img_height"]), whole_px(self._texts["img_width"])
        if all(sides):
            return sides
        sizes = f"img_height '{self._texts['img_height']}', img_width '{self._texts['img_width']}'"
        self.reasons.append(f"{sizes}: positive whole numbers of pixels are expected")
        return 0, 0

    def _pixel_um(self) -> float:
        """Return the pixel size; where it is blank, that of all images of its source and organ."""
        if self._fixed_pixel_um is not None:
            return self._fixed_pixel_um
        if self._texts.get("pixel_size"):
            return self._number("pixel_size")
        source, organ = self._texts["data_source"], self._texts["organ"]
        usual = _PIXEL_UM_OF_SOURCE.get(source.lower(), {}).get(organ)
        if usual is None:
            self.reasons.append(f"pixel_size is blank, and no usual one is known for {organ} of '{source}'; write µm")
            return math.nan
        self.warnings.append(f"pixel_size is blank: {usual} µm is taken, as of all images of {organ} of {source}")
        return usual

    def _number(self, column: str) -> float:
        """Return a number above 0; NaN where it is blank."""
        text = self._texts.get(column, "")
        if not text:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and value > 0:
            return value
        self.reasons.append(f"{column} '{text}': a number above 0 is expected, or nothing where it is not known")
        return math.nan

    def _rle(self, height: int, width: int) -> str:
        """Return the column runs; they are judged where the size is known."""
        text = self._texts.get("rle", "")
        if height and width:
            try:
                read_column_runs(text, height, width)
            except InputError as error:
                self.reasons.append(f"rle: {error}")
        return text
