"""Plain folders of images with hand-made instances: `images/`, `labels/` of the same names, and `index.csv`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hpa.core.addresses import as_path
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.file_identity import identity_of_files
from hpa.core.image_table import ImageTable
from hpa.core.label_map import relabel
from hpa.core.planes import COLOURS, GREY
from hpa.core.table_text import table_file
from hpa.core.workbooks import workbook_advice
from hpa.formats.csv_rows import ROW
from hpa.formats.folder_files import describe_passed_over
from hpa.formats.folder_images import FolderImages
from hpa.formats.image_header import StackChoice
from hpa.formats.label_map_names import label_map_of
from hpa.formats.label_maps import label_map_paths, read_instances
from hpa.interfaces import Instances, Split
from hpa.sources.quality_column import read_used_rows
from hpa.sources.row_checks import (
    changed_id_hint,
    free_names,
    id_problems,
    size_of,
    size_problems,
    with_further_columns,
)

_THREADS = 4
_LAYOUT = "expected are images/<id>.png or .tif, labels/<id>.png or .tif (0 background, 1..n), and index.csv with ids"
_ID_COLUMNS = ("id", "ID", "image_id")
_INDEX = "index.csv"


class InstanceFolder:
    """Reads pictures with instance maps (an `ImageSource` and `InstanceTruth`); all instances are of one class.

    Args:
        root: Folder with images/, labels/ and index.csv, whose column `id` names the images; further columns are
            added to the table. Without index.csv the images are those of images/.
        channels: Planes to read: `grey` (colour pictures become their brightness), or `red, green, blue` (a grey
            picture stands for all three), or the names of the planes of multi-channel files, in order.
        pixel_um: Side of a pixel, µm; None takes column `pixel_um` of index.csv, NaN where it is blank.
        where: Which rows of index.csv to use: for each column the values to keep.
        class_name: What the instances are.
        z: Slice of z-stacks: `max`, `middle` or a number from 1; None refuses stacks.
        t: Time point of time series, from 1; None refuses them.
        scene: Scene of files of several, from 1, or `all`; None refuses them.
        bits: Bits that levels use in 16-bit files, e.g. 12; None trusts their headers.

    Raises:
        InputError: If the layout is not there, a column is unknown, or no row is left.
    """

    def __init__(
        self,
        root: str | Path,
        channels: Sequence[str],
        pixel_um: float | None,
        where: Mapping[str, Sequence[str]],
        class_name: str,
        z: int | str | None = None,
        t: int | None = None,
        scene: int | str | None = None,
        bits: int | None = None,
    ) -> None:
        self.root = as_path(root)
        self.channels: tuple[str, ...] = tuple(channels)
        self.class_names: tuple[str, ...] = (class_name,)
        if not (self.root / "images").is_dir():
            raise InputError(f"{self.root}: {_LAYOUT}; there is no images/. Check data.root.")
        known_names = set(self.channels) <= {GREY, *COLOURS}
        self.pixel_um = pixel_um
        self._label_maps = label_map_paths(self.root / "labels")
        self._images = FolderImages(
            self.root / "images",
            self.channels,
            None if known_names else self.channels,
            pixel_um,
            choice=StackChoice.of(z, t, scene, bits),
            recognise=not any(label_map_of(self._label_maps, path.stem) for path in (self.root / "images").iterdir()),
        )
        self._where = where
        self._rows, self._row_problems = self._listed(where)
        sizes = self._rows.get("pixel_um", pd.Series("", self._rows.index))
        self._sizes_um = dict(zip(self._rows["image_id"], map(size_of, sizes), strict=True))

    @property
    def cell_truth(self) -> None:
        """Return None: the instances have outlines here, no classes of the Atlas."""
        return

    def table(self, split: Split) -> ImageTable:
        """List the images, with the columns of index.csv beside the usual ones; `test` lists the same as `train`."""
        del split
        with ThreadPoolExecutor(_THREADS) as pool:
            seen = list(pool.map(self._inspect, self._rows["image_id"]))
        problems = (*self._row_problems, *(problem for _, problem in seen if problem is not None))
        usual = pd.DataFrame(
            {
                "image_id": self._rows["image_id"],
                "height": [size[0] for size, _ in seen],
                "width": [size[1] for size, _ in seen],
                "bits": [size[2] for size, _ in seen],
                "pixel_um": [self._pixel_um_of(image_id) for image_id in self._rows["image_id"]],
                "classes": "0",
                "source": self.root.name,
                "group": self._rows["image_id"],
                "fold": -1,
            }
        )
        frame = with_further_columns(usual, self._rows.drop(columns=["image_id", "pixel_um"], errors="ignore"), "index")
        return ImageTable(frame, self.class_names, str(self.root), problems, self._warnings())

    def read(self, image_id: str, split: Split) -> Field:
        """Read one picture with the planes that it holds.

        Raises:
            InputError: If it is missing, broken, or lacks a plane.
        """
        del split
        self._require_known(image_id)
        return replace(self._images.read(image_id), pixel_um=self._pixel_um_of(image_id))

    def identity(self, image_id: str, split: Split) -> str:
        """Name the content of a picture by its files, without decoding them.

        Raises:
            InputError: If there is none, or one is missing.
        """
        del split
        self._require_known(image_id)
        chosen = "".join(f":{name}={value}" for name, value in self._images.choice.settings().items())
        return identity_of_files(self._images.files_of(image_id)) + chosen

    def instances(self, image_id: str) -> Instances:
        """Read the instances of an image.

        Raises:
            InputError: If the label map is missing, broken, or of another size than the picture.
        """
        path = label_map_of(self._label_maps, image_id)
        if path is None:
            raise InputError(f"{self.root / 'labels'}: {image_id} has no label map; {_LAYOUT}.")
        label_map = relabel(read_instances(path))
        return Instances(label_map, np.zeros(int(label_map.max(initial=0)), np.int64))

    def _pixel_um_of(self, image_id: str) -> float:
        return float(self._sizes_um.get(image_id, math.nan)) if self.pixel_um is None else self.pixel_um

    def _warnings(self) -> tuple[Problem, ...]:
        lines = [*describe_passed_over(self._images.passed_over), workbook_advice(self.root / _INDEX)]
        passed = [Problem(str(self.root / "images"), line) for line in lines if line]
        if not self._where or table_file(self.root / _INDEX).is_file():
            return tuple(passed)
        named = ", ".join(self._where)
        reason = f"there is none, so all {len(self._rows)} images are used; data.where ({named}) selects nothing"
        return (*passed, Problem(str(self.root / _INDEX), reason))

    def _listed(self, where: Mapping[str, Sequence[str]]) -> tuple[pd.DataFrame, list[Problem]]:
        """Return the rows to use, and what is wrong with them; all images where there is no index.csv."""
        path = table_file(self.root / _INDEX)
        if not path.is_file():
            return pd.DataFrame({"image_id": self._images.image_ids}), []
        frame = read_used_rows(path, (), ("pixel_um",))
        column = next((name for name in _ID_COLUMNS if name in frame), None)
        others = [name for name in frame.columns if name not in (column, ROW)]
        frame = frame.rename(columns=free_names(others, ("image_id",), "index"))
        if column is None:
            raise InputError(f"{path}: a column id was expected, it has {', '.join(frame.columns.drop(ROW))}.")
        frame = frame.rename(columns={column: "image_id"})
        for name, values in where.items():
            if name not in frame:
                raise InputError(
                    f"data.where.{name}: {path} has no such column; it has {', '.join(frame.columns.drop(ROW))}. Leave "
                    f"it out with ~data.where.{name}."
                )
            known = sorted(set(frame[name]))
            frame = frame[frame[name].isin([str(value) for value in values])]
            if frame.empty:
                raise InputError(f"data.where.{name}={list(values)}: no row of {path} is so; values: {known[:12]}.")
        problems = id_problems(path.name, list(frame["image_id"]), list(frame[ROW])) + size_problems(path.name, frame)
        return frame.drop(columns=ROW).reset_index(drop=True), problems

    def _inspect(self, image_id: str) -> tuple[tuple[int, int, int], Problem | None]:
        """Return height, width and bits of a picture, and what is wrong with it."""
        nothing = (0, 0, 0)
        try:
            pixels = self.read(image_id, "train").pixels
            label_map = self.instances(image_id).label_map
        except InputError as error:
            return nothing, Problem(image_id, str(error))
        size = (*pixels.shape[1:], 8 * pixels.dtype.itemsize)
        if label_map.shape != pixels.shape[1:]:
            sizes = f"has {label_map.shape} px (height, width), the picture {pixels.shape[1:]}; they must agree"
            return nothing, Problem(image_id, f"{label_map_of(self._label_maps, image_id)}: the label map {sizes}")
        return size, None

    def _require_known(self, image_id: str) -> None:
        if image_id not in self._images.image_ids:
            where = f"{self.root / 'images'}: there is no picture {image_id}"
            raise InputError(f"{where}; {_LAYOUT}{changed_id_hint(image_id)}.")
