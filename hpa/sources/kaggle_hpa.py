"""The layout of the Human Protein Atlas single-cell competition: train.csv, train/, test/, sample_submission.csv.

Each field is one grey file a channel, `{split}/{ID}_{channel}.{png,tif,tiff}`. A table is made from the headers of all
files, in threads, and names every defect of every row, so that all can be mended before anything is trained.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import pandas as pd

from hpa.core.addresses import as_path
from hpa.core.channels import CHANNELS, HPA_FIELD_WIDTH_UM, checked_atlas_channels
from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.core.workbooks import needed_table_file
from hpa.formats.image_header import PlaneInfo, StackChoice
from hpa.interfaces import Split
from hpa.sources.cell_truth import CellTruth
from hpa.sources.channel_files import ChannelFiles, require_channels
from hpa.sources.class_names import FILE_NAME as CLASS_NAMES_FILE
from hpa.sources.class_names import read_class_names
from hpa.sources.extra_sets import grouped_by, merged_tables
from hpa.sources.kaggle_listing import Listing, sample_listing, train_listing
from hpa.sources.metadata import merge_metadata
from hpa.sources.pixel_check import check_pixels
from hpa.sources.row_checks import with_further_columns

FETCHED_METADATA, GROUP_OF_FETCHED = "metadata.csv", "antibody"
"""What `hpa fetch-public` writes beside train.csv: the file, and the column whose values no fold separates."""
_HEADER_THREADS = 8
"""Reading headers is waiting for the disk, so more threads than cores."""
_LAYOUT = (
    "expected are train.csv (ID,Label), train/, test/ and sample_submission.csv (ID,ImageWidth,ImageHeight,…), with "
    "files {ID}_{channel}.png, .tif or .tiff in the folders"
)
_SPLITS = ("train", "test")
_logger = logging.getLogger(__name__)


class KaggleHpa:
    """Reads data sets in the layout of the competition (an `ImageSource`).

    A file class_names.csv (number,name) in the folder names the classes of other data in this layout.

    Args:
        root: Folder with train.csv, train/, test/, sample_submission.csv.
        channels: Channels to read, any of red, green, blue, yellow, in the order the planes shall have.
        pixel_um: Side of a pixel, µm; None takes every field to be 163.84 µm wide, as those of the Atlas are.
        cell_truth: truth.csv with the classes of cells, or None.
        metadata: CSV or TSV file with more columns, matched by ID, or None.
        bits: Bits that levels use in 16-bit files, e.g. 12; None trusts their headers.
        group: Column of the metadata whose values no fold separates, e.g. antibody, or None.
        extra: Further folders of this layout, e.g. of `hpa fetch-public`, whose training images are added.
        corrections: Table of cells corrected by hand (`hpa explore`), or None.

    Raises:
        InputError: If the channels, the pixel size or the names of classes make no sense.
    """

    def __init__(
        self,
        root: str | Path,
        channels: Sequence[str],
        pixel_um: float | None,
        cell_truth: str | Path | None,
        metadata: str | Path | None,
        bits: int | None = None,
        group: str | None = None,
        extra: Sequence[str | Path] = (),
        corrections: str | Path | None = None,
    ) -> None:
        self.root, self.corrections = as_path(root), None if corrections is None else as_path(corrections)
        self._group = group
        self._extra = {str(folder): _fetched_set(as_path(folder), channels, pixel_um) for folder in extra}
        self._extra_of: dict[str, str] | None = None
        names = self.root / CLASS_NAMES_FILE
        self.class_names: tuple[str, ...] = read_class_names(names) if names.is_file() else LOCATION_NAMES
        self.bits = StackChoice.of(bits=bits).bits
        self.channels: tuple[str, ...] = _checked_channels(self.root, channels)
        if pixel_um is not None and not (math.isfinite(pixel_um) and pixel_um > 0):
            raise InputError(f"data.pixel_um={pixel_um}: a size in µm above 0 is expected, or null: from width.")
        self.pixel_um = pixel_um
        self._cell_truth_path = None if cell_truth is None else as_path(cell_truth)
        self.metadata = None if metadata is None else as_path(metadata)
        self._pixel_size_was_logged = False
        self._warned: set[tuple[str, str]] = set()

    @cached_property
    def cell_truth(self) -> CellTruth | None:
        """Return the classes of cells, read at first use, or None where none were given."""
        return None if self._cell_truth_path is None else CellTruth(self._cell_truth_path, self.class_names)

    def table(self, split: Split) -> ImageTable:
        """List the images of train.csv, or of sample_submission.csv in its order.

        Raises:
            InputError: If the layout is not there at all. What is wrong with single rows stands in `problems`.
        """
        names = self._file_names(split)
        listing = self._listing(split)
        with ThreadPoolExecutor(_HEADER_THREADS) as pool:
            seen = list(pool.map(lambda image_id: self._files(split).inspect(image_id, names), listing.ids))
        listing.warnings += self._files(split).passed_over(listing.ids)
        for image_id, (_, reasons) in zip(listing.ids, seen, strict=True):
            if image_id:  # a blank one is reported already
                listing.problems += [Problem(image_id, reason) for reason in reasons]
        table = self._assemble(listing, [info for info, _ in seen])
        if self.metadata is not None:
            table = merge_metadata(table, self.metadata)
        if self._group is not None:
            table = grouped_by(table, self._group)
        if split == "train" and self._extra:
            table, self._extra_of = merged_tables(
                table, {name: source.table(split) for name, source in self._extra.items()}
            )
        return table

    def read(self, image_id: str, split: Split) -> Field:
        """Read the planes of one image, in the order of `channels`; warnings about them are logged once.

        Raises:
            InputError: If a file is missing, cannot be read, or differs from the others in size or depth, or if the
                whole field is blank.
        """
        if (other := self._other(image_id, split)) is not None:
            return other.read(image_id, split)
        field = self._files(split).read(image_id, self.pixel_um)
        findings = check_pixels(field)
        if findings.problems:
            raise InputError("; ".join(str(problem) for problem in findings.problems))
        if findings.warnings and (split, image_id) not in self._warned:
            self._warned.add((split, image_id))
            for warning in findings.warnings:
                _logger.warning("%s", warning)
        return field

    def identity(self, image_id: str, split: Split) -> str:
        """Name the content of an image by place, size and time of its files, without opening them.

        Raises:
            InputError: If a file is missing.
        """
        if (other := self._other(image_id, split)) is not None:
            return other.identity(image_id, split)
        return self._files(split).identity(image_id)

    def _other(self, image_id: str, split: Split) -> KaggleHpa | None:
        """Return the further set that an image is from, None where it is from the first."""
        if split != "train" or not self._extra:
            return None
        if self._extra_of is None:
            self.table(split)
        return self._extra.get((self._extra_of or {}).get(image_id, ""))

    def _files(self, split: Split) -> ChannelFiles:
        return ChannelFiles(self.root / split, self.channels, self.bits)

    def _file_names(self, split: Split) -> frozenset[str]:
        """Return the names of the image files of a split: one look at the folder instead of one a file."""
        folder = self.root / split
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; {_LAYOUT}. Check data.root.")
        names = self._files(split).names()
        if not names:
            raise InputError(f"{folder}: there is no PNG or TIFF file in it; {_LAYOUT}.")
        return names

    def _listing(self, split: Split) -> Listing:
        path = needed_table_file(self.root / ("train.csv" if split == "train" else "sample_submission.csv"))
        if not path.is_file():
            raise InputError(f"{path}: the file is missing; {_LAYOUT}. Check data.root.")
        return train_listing(path, self.class_names) if split == "train" else sample_listing(path)

    def _assemble(self, listing: Listing, infos: Sequence[PlaneInfo | None]) -> ImageTable:
        """Put the table together; where the files have no valid header, with the size in the CSV file."""
        sizes = []
        for image_id, info, listed in zip(listing.ids, infos, listing.sizes, strict=True):
            sizes.append((info.height, info.width) if info else listed)
            if info and all(listed) and listed != sizes[-1]:
                sizes_px = f"has {listed[1]}×{listed[0]} px, the files are {info.width}×{info.height} px"
                listing.warnings.append(Problem(image_id, f"sample_submission.csv {sizes_px}"))
        frame = pd.DataFrame(
            {
                "image_id": listing.ids,
                "height": [height for height, _ in sizes],
                "width": [width for _, width in sizes],
                "bits": [info.bits if info else 0 for info in infos],
                "pixel_um": self._pixel_sizes([width for _, width in sizes]),
                "classes": listing.classes,
                "source": "kaggle_hpa",
                "group": listing.ids,
                "fold": -1,
            },
            columns=list(COLUMNS),
        )
        frame = with_further_columns(frame, listing.further, "train")
        return ImageTable(frame, self.class_names, str(self.root), tuple(listing.problems), tuple(listing.warnings))

    def _pixel_sizes(self, widths: Sequence[int]) -> list[float]:
        if self.pixel_um is not None:
            return [self.pixel_um] * len(widths)
        if not self._pixel_size_was_logged:
            self._pixel_size_was_logged = True
            _logger.info(
                "pixel size: %.2f µm / width, as fields of the Human Protein Atlas are; set data.pixel_um to override",
                HPA_FIELD_WIDTH_UM,
            )
        return [HPA_FIELD_WIDTH_UM / width if width else math.nan for width in widths]


def _fetched_set(root: Path, channels: Sequence[str], pixel_um: float | None) -> KaggleHpa:
    """Return a further set; metadata as `hpa fetch-public` writes them keep an antibody together."""
    metadata = root / FETCHED_METADATA
    has_metadata = metadata.is_file()
    return KaggleHpa(
        root,
        channels,
        pixel_um,
        None,
        metadata if has_metadata else None,
        None,
        GROUP_OF_FETCHED if has_metadata else None,
    )


def _checked_channels(root: Path, channels: Sequence[str]) -> tuple[str, ...]:
    """Return channels of which there are files, as far as there are any."""
    if not isinstance(channels, str):
        require_channels([ChannelFiles(root / name, channels, None) for name in _SPLITS], CHANNELS)
    return checked_atlas_channels(channels)
