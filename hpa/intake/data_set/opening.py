"""A data set of any layout that is read, or its table of labels alone, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int32

from hpa.core.channels import CHANNELS
from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.file_identity import identity_of_files
from hpa.core.image_table import COLUMNS, ImageTable, format_classes, read_label_text
from hpa.core.workbooks import needed_table_file
from hpa.formats.csv_rows import ROW, read_rows
from hpa.formats.folder_files import describe_passed_over
from hpa.formats.folder_images import FolderImages
from hpa.formats.image_header import StackChoice
from hpa.formats.label_maps import label_map_paths, read_label_map
from hpa.intake.doctor import SPLITS, source_of
from hpa.intake.layout_advice import OTHER_FILES, image_files, layout_of
from hpa.interfaces import ImageSource, InstanceTruth, Split
from hpa.sources.kaggle_hpa import KaggleHpa
from hpa.sources.metadata import merge_metadata
from hpa.sources.row_checks import id_problems

LABELS_ONLY = "labels only"
_ID_NAMES = ("ID", "Id", "id", "image_id", "ImageID")
_LABEL_MAPS = "label_maps"


@dataclass(frozen=True)
class Reader:
    """Reads images and label maps; small enough to be sent to another process.

    Attributes:
        source: Of the images.
        label_maps: Folder of label maps of each split, or the layout's own where a split is missing.
    """

    source: ImageSource
    label_maps: dict[Split, Path]

    def read(self, image_id: str, split: Split) -> Field:
        """Read an image; InputError names the file and the reason."""
        return self.source.read(image_id, split)

    def label_map(self, image_id: str, split: Split) -> Int32[np.ndarray, "height width"] | None:
        """Read the cells or tissue units of an image, None where none are known.

        Raises:
            InputError: If the file is damaged.
        """
        path = self._paths.get(split, {}).get(image_id)
        if path is not None:
            return read_label_map(path)
        if split == "train" and isinstance(self.source, InstanceTruth):
            return np.asarray(self.source.instances(image_id).label_map, np.int32)
        return None

    @cached_property
    def _paths(self) -> dict[Split, dict[str, Path]]:
        return {split: label_map_paths(folder) for split, folder in self.label_maps.items()}


@dataclass(frozen=True)
class DataSet:
    """What is explored.

    Attributes:
        where: Folder or file.
        layout: Value of `data=`, `folder of images`, or `labels only`.
        tables: Images of each split.
        channels: Planes of an image.
        reader: None where there are labels only.
        problems: What is wrong with the set beyond single images.
    """

    where: Path
    layout: str
    tables: dict[Split, ImageTable]
    channels: tuple[str, ...] = ()
    reader: Reader | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the classes in order."""
        return next((table.class_names for table in self.tables.values()), ())


def open_data_set(where: Path, metadata: Path | None = None, label_maps: Path | None = None) -> DataSet:
    """Open a folder, or a table of labels.

    Args:
        where: The folder, or a CSV file `ID,Label`.
        metadata: Table with more columns, matched by ID, or None.
        label_maps: Folder of label maps of the training images, named as they are, or None.

    Raises:
        InputError: If there is nothing that can be read.
    """
    if where.is_file():
        return _with_metadata(DataSet(where, LABELS_ONLY, {"train": read_labels(where)}), metadata)
    if not where.is_dir():
        raise InputError(f"{where}: a data set, a folder of images or train.csv was expected, there is none.")
    files = image_files(where)
    if not files:
        if needed_table_file(where / "train.csv").is_file():
            labels = read_labels(where / "train.csv")
            return _with_metadata(DataSet(where, LABELS_ONLY, {"train": labels}), metadata)
        raise InputError(f"{where}: no image and no train.csv is in this folder; check the path.")
    layout, source = _source_in(where, files)
    opened = DataSet(where, layout, {}, source.channels, Reader(source, _label_map_folders(where, label_maps)))
    for split in SPLITS if layout in ("kaggle_hpa", "hubmap", "typed_images") else SPLITS[:1]:
        try:
            opened.tables[split] = source.table(split)
        except InputError as error:
            opened.problems.append(Problem(f"split {split}", str(error)))
    if not opened.tables:
        raise InputError("; ".join(str(problem) for problem in opened.problems))
    return _with_metadata(opened, metadata)


def open_images(where: Path) -> ImageSource:
    """Open the images of a folder of any layout that is read; no table is made, no header read.

    Raises:
        InputError: If there is no such folder, or no image in it.
    """
    if not where.is_dir():
        raise InputError(f"{where}: a folder of images was expected, there is none; check the path.")
    files = image_files(where)
    if not files:
        raise InputError(f"{where}: no image is in this folder; check the path.")
    return _source_in(where, files)[1]


def _source_in(where: Path, files: Sequence[Path]) -> tuple[str, ImageSource]:
    """Return the layout of a folder, and what reads its images."""
    layout, _ = layout_of(where, files)
    if layout.startswith(("folder", "files")):
        return layout, PlainFolder(files[0].parent if layout == OTHER_FILES else where)
    if layout == "kaggle_hpa":
        return layout, KaggleHpa(where, _channels_in(where / "train"), None, None, None)
    return layout, source_of(layout, where, StackChoice())


class PlainFolder:
    """Images without labels, as an `ImageSource`.

    Args:
        folder: Where the files lie.
    """

    class_names: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._images = FolderImages(folder, (), None, None)
        self._folder = folder
        self._known = frozenset(self._images.image_ids)
        self.channels: tuple[str, ...] = self._first_channels()

    @property
    def cell_truth(self) -> None:
        """Return None: nothing is known of cells."""
        return

    def table(self, split: Split) -> ImageTable:
        """List all images as training ones; their sizes are known once they are read."""
        ids = self._images.image_ids if split == "train" else []
        frame = pd.DataFrame(
            {"image_id": ids, "height": 0, "width": 0, "bits": 0, "pixel_um": np.nan, "classes": ""}
            | {"source": self._folder.name, "group": ids, "fold": -1},
            columns=list(COLUMNS),
        )
        passed = [Problem(self._folder.name, line) for line in describe_passed_over(self._images.passed_over)]
        return ImageTable(frame, (), str(self._folder), (), tuple(passed))

    def read(self, image_id: str, split: Split) -> Field:
        """Read an image; InputError names the file and the reason."""
        del split
        self._require_known(image_id)
        return self._images.read(image_id)

    def identity(self, image_id: str, split: Split) -> str:
        """Name the content of an image by its files; InputError where there is no such image."""
        del split
        self._require_known(image_id)
        return identity_of_files(self._images.files_of(image_id))

    def _require_known(self, image_id: str) -> None:
        if image_id not in self._known:
            raise InputError(f"{self._folder}: there is no image {image_id}; check the path.")

    def _first_channels(self) -> tuple[str, ...]:
        for image_id in self._images.image_ids[:5]:
            try:
                return self._images.read(image_id).channels
            except InputError:
                continue
        return ()


def read_labels(path: Path, class_names: tuple[str, ...] = LOCATION_NAMES) -> ImageTable:
    """Read a table of labels without images: an id, `Label`, and columns `fold`, `ImageWidth`, `ImageHeight` or others.

    Args:
        path: The table.
        class_names: Name of each class.

    Raises:
        InputError: If the file is no such table.
    """
    rows = read_rows(path, ("Label",))
    id_name = next((name for name in _ID_NAMES if name in rows), None)
    if id_name is None:
        raise InputError(f"{path}: a column ID is expected; the header reads {', '.join(rows.columns.drop(ROW))}.")
    read = [read_label_text(text, class_names) for text in rows["Label"]]
    problems = [
        Problem(image_id or f"{path.name} row {row}", f"{path.name} row {row}: {reason}")
        for (_, reason), image_id, row in zip(read, rows[id_name], rows[ROW], strict=True)
        if reason
    ]
    problems += id_problems(path.name, list(rows[id_name]), list(rows[ROW]))
    frame = pd.DataFrame(
        {
            "image_id": rows[id_name],
            "height": _numbers(rows, "ImageHeight", 0),
            "width": _numbers(rows, "ImageWidth", 0),
            "bits": 0,
            "pixel_um": np.nan,
            "classes": [format_classes(classes) for classes, _ in read],
            "source": path.name,
            "group": rows[id_name],
            "fold": _numbers(rows, "fold", -1),
        }
    )
    known = {id_name, "Label", "ImageHeight", "ImageWidth", "fold", ROW}
    further = rows[[name for name in rows.columns if name not in known and name not in frame]]
    return ImageTable(pd.concat([frame, further], axis=1), class_names, str(path), tuple(problems))


def _numbers(rows: pd.DataFrame, name: str, missing: int) -> Sequence[int]:
    if name not in rows:
        return [missing] * len(rows)
    return pd.to_numeric(rows[name], errors="coerce").fillna(missing).astype(int).tolist()


def _with_metadata(data_set: DataSet, metadata: Path | None) -> DataSet:
    if metadata is not None:
        for split, table in data_set.tables.items():
            data_set.tables[split] = merge_metadata(table, metadata)
    return data_set


def _channels_in(folder: Path) -> list[str]:
    """Return the channels of the Atlas that files of a folder are named after, all where there is none."""
    found = {path.stem.rpartition("_")[2] for path in folder.iterdir()}
    return [channel for channel in CHANNELS if channel in found] or list(CHANNELS)


def _label_map_folders(where: Path, given: Path | None) -> dict[Split, Path]:
    if given is not None:
        if not given.is_dir():
            raise InputError(f"{given}: a folder of label maps was expected, there is none.")
        return {"train": given}
    folders: dict[Split, Path] = {split: where / _LABEL_MAPS / split for split in SPLITS}
    return {split: folder for split, folder in folders.items() if folder.is_dir()}
