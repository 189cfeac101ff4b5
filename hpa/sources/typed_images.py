"""Images whose cells are all of one known type, and mixed images to classify: `images/`, `index.csv`.

A culture of one cell line labels its images at no cost: every cell in them is of that type. This is propagation of
image labels to cells, so pure images train with the strategies of the Atlas (`supervision=propagation`), and a detector
takes the outlines of any segmenter with the type of the image. Mixed images are the test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from hpa.core.addresses import as_path
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.image_table import ImageTable, format_classes
from hpa.core.workbooks import needed_table_file
from hpa.formats.image_header import PlaneInfo, StackChoice
from hpa.interfaces import Split
from hpa.sources.channel_files import ChannelFiles, require_channels
from hpa.sources.quality_column import used_rows
from hpa.sources.row_checks import with_further_columns
from hpa.sources.typed_listing import HEADER, read_typed_rows, rows_of_split, types_of

_HEADER_THREADS = 8
"""Reading headers is waiting for the disk, so more threads than cores."""
_LAYOUT = "expected are index.csv (ID,class,split,group,pixel_um) and images/<ID>_<channel>.tif or .png"
_FEWEST_TYPES = 2


class TypedImages:
    """Reads images with types in the layout that `hpa import` and `hpa synth --layout hek_n2a` write (`ImageSource`).

    Args:
        root: Folder with index.csv and images/.
        channels: Channels to read, in the order the planes shall have.
        pixel_um: Side of a pixel, µm; None takes index.csv.
        class_names: The types in the order of their numbers; None takes those of the folder's pure images, sorted.
        bits: Bits that levels use in 16-bit files, e.g. 12; None trusts their headers.
        corrections: Table of cells corrected by hand (`hpa explore`), or None.

    Raises:
        InputError: If the layout is not there, or the arguments make no sense.
    """

    def __init__(
        self,
        root: str | Path,
        channels: Sequence[str],
        pixel_um: float | None,
        class_names: Sequence[str] | None,
        bits: int | None = None,
        corrections: str | Path | None = None,
    ) -> None:
        self.corrections = None if corrections is None else as_path(corrections)
        self.root = as_path(root)
        self.channels: tuple[str, ...] = tuple(channels)
        if isinstance(channels, str) or not channels or len(set(channels)) != len(channels):
            raise InputError(f"data.channels={channels}: a list of different channels is expected, e.g. [green, blue].")
        if pixel_um is not None and not (math.isfinite(pixel_um) and pixel_um > 0):
            raise InputError(f"data.pixel_um={pixel_um}: a size in µm above 0 is expected, or null to read index.csv.")
        self.pixel_um = pixel_um
        for path in (needed_table_file(self.root / "index.csv"), self.root / "images"):
            if not path.exists():
                raise InputError(f"{path}: is missing; {_LAYOUT}. Check data.root.")
        self._files = ChannelFiles(self.root / "images", self.channels, StackChoice.of(bits=bits).bits)
        require_channels([self._files])
        self._rows, self._row_problems = read_typed_rows(self.root / "index.csv")
        self._types = [types_of(text) for text in self._rows["class"]]
        found = sorted({types[0] for types in self._types if len(types) == 1})
        self.class_names: tuple[str, ...] = tuple(found if class_names is None else class_names)

    @property
    def cell_truth(self) -> None:
        """Return None: what is known of a cell is the type of its image."""
        return

    def table(self, split: Split) -> ImageTable:
        """List the images of a split: those that index.csv puts there; without a split, pure ones train, others test.

        Raises:
            InputError: If the split is empty, or its pure images are all of one type: nothing to distinguish.
        """
        rows = self._rows_of(split)
        names = self._files.names()
        with ThreadPoolExecutor(_HEADER_THREADS) as pool:
            seen = list(pool.map(lambda image_id: self._files.inspect(image_id, names), rows["ID"]))
        problems = list(self._row_problems)
        for image_id, (_, reasons) in zip(rows["ID"], seen, strict=True):
            problems += [Problem(image_id, reason) for reason in reasons]
        problems += self._unknown_types(rows)
        sizes = self._pixel_sizes(rows)
        unknown = [str(name) for name, size in zip(rows["ID"], sizes, strict=True) if math.isnan(size)]
        if unknown:
            reason = "pixel_um is blank; write it there, or data.pixel_um=… for all images"
            problems.append(Problem(f"index.csv, {len(unknown)} images ({unknown[0]}, …)", reason))
        infos = [info or PlaneInfo(0, 0, 0) for info, _ in seen]
        usual = pd.DataFrame(
            {
                "image_id": rows["ID"],
                "height": [info.height for info in infos],
                "width": [info.width for info in infos],
                "bits": [info.bits for info in infos],
                "pixel_um": sizes,
                "classes": [format_classes(self._numbers(row)) for row in rows.index],
                "source": self.root.name,
                "group": rows["group"].where(rows["group"] != "", rows["ID"]),
                "fold": -1,
            }
        )
        frame = with_further_columns(usual, rows.drop(columns=list(HEADER)), "index")
        passed_over = tuple(self._files.passed_over(list(self._rows["ID"])))
        return ImageTable(frame, self.class_names, str(self.root), tuple(problems), passed_over)

    def read(self, image_id: str, split: Split) -> Field:
        """Read the planes of an image, in the order of `channels`.

        Raises:
            InputError: If the image is not listed, or a file is missing, broken, or differs from the others.
        """
        del split
        row = self._row_of(image_id)
        return self._files.read(image_id, self._pixel_sizes(self._rows.loc[[row]])[0])

    def identity(self, image_id: str, split: Split) -> str:
        """Name the content of an image by place, size and time of its files, without opening them.

        Raises:
            InputError: If a file is missing.
        """
        del split
        return self._files.identity(image_id)

    def _rows_of(self, split: Split) -> pd.DataFrame:
        rows = rows_of_split(self._rows, split)
        rows = used_rows(self.root / "index.csv", rows) if split == "train" and not rows.empty else rows
        if rows.empty:
            raise InputError(
                f"{self.root / 'index.csv'}: no image is of split {split}; name one type in column class of images to "
                "train on, and write train or test in column split."
            )
        if split == "train":
            self._require_types(rows)
        return rows

    def _require_types(self, rows: pd.DataFrame) -> None:
        types = [self._types[row] for row in rows.index]
        found = sorted({named[0] for named in types if len(named) == 1})
        if len(found) < _FEWEST_TYPES:
            found_types = f"all {len(rows)} images show {found[0]}" if found else "no image is of one type"
            raise InputError(
                f"{self.root / 'index.csv'}: {found_types}, but pure images of two types or more are "
                "needed: a network learns the difference between types. Add pure images of the other type."
            )

    def _unknown_types(self, rows: pd.DataFrame) -> list[Problem]:
        return [
            Problem(str(rows.at[row, "ID"]), f"type '{name}' is none of {', '.join(self.class_names)}")
            for row in rows.index
            for name in self._types[row]
            if name not in self.class_names and self.class_names
        ]

    def _numbers(self, row: int) -> list[int]:
        return [self.class_names.index(name) for name in self._types[row] if name in self.class_names]

    def _pixel_sizes(self, rows: pd.DataFrame) -> list[float]:
        if self.pixel_um is not None:
            return [self.pixel_um] * len(rows)
        return [float(size) for size in pd.to_numeric(rows["pixel_um"], errors="coerce")]

    def _row_of(self, image_id: str) -> int:
        found = self._rows.index[self._rows["ID"] == image_id]
        if not len(found):
            raise InputError(f"{self.root / 'index.csv'}: lists no image {image_id}; check the name.")
        return int(found[0])
