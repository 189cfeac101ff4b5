"""What a folder will be read as, before anything is done with it: layout, files, channels, depth, sizes.

Headers of all files are read, pixels of the first image only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.planes import COLOURS
from hpa.formats.folder_images import FolderImages
from hpa.formats.folder_listing import is_image_name
from hpa.formats.image_header import (
    StackChoice,
)
from hpa.intake.file_report import PASSED_OVER, READ, REFUSED, FileReport, describe_file
from hpa.intake.layouts import LAYOUTS, layout_pattern
from hpa.interfaces import ImageSource, Split
from hpa.sources.hubmap.combined import CombinedHubmap
from hpa.sources.instance_folder import InstanceFolder
from hpa.sources.kaggle_hpa import KaggleHpa
from hpa.sources.levels import unused_bits
from hpa.sources.typed_images import TypedImages

_THREADS = 8
_TRIED = 5
"""Images of a set that are tried until one can be read."""
SPLITS: tuple[Split, ...] = ("train", "test")
_MIN_LAYOUT_SHARE = 0.5


@dataclass
class FolderReport:
    """What a folder will be read as.

    Attributes:
        folder: The folder.
        layout: Value of `data=`, `folder of images`, or `files of a microscope`.
        advice: The command that reads it so.
        files: Every file.
        images: Number of images.
        channels: Their channels.
        problems: What is wrong with the set, beyond single files.
        warnings: What is unusual but usable.
        first_image: Name of the image that was read whole, "" where none could be.
    """

    folder: Path
    layout: str
    advice: str
    files: list[FileReport] = field(default_factory=list)
    images: int = 0
    channels: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    first_image: str = ""

    def counts(self) -> dict[str, int]:
        """Return how many files are read, refused and passed over."""
        counted = Counter(file.status for file in self.files)
        return {status: counted[status] for status in (READ, REFUSED, PASSED_OVER)}

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain types."""
        return asdict(self) | {"folder": str(self.folder), "counts": self.counts()}


def examine(folder: Path, choice: StackChoice) -> tuple[FolderReport, Field | None]:
    """Return what a folder will be read as, and its first image.

    Raises:
        InputError: If there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of images was expected, there is none; check the path.")
    paths = sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix())
    if not paths:
        raise InputError(f"{folder}: the folder is empty; check the path.")
    report = FolderReport(folder, *layout_of(folder, paths))
    with ThreadPoolExecutor(_THREADS) as pool:
        report.files = list(pool.map(lambda path: describe_file(path, folder, choice), paths))
    first = _read_set(report, choice)
    if first is not None:
        report.first_image = first.image_id
        report.channels = report.channels or first.channels
        largest = int(first.pixels.max())
        if bits := unused_bits(largest, 8 * first.pixels.itemsize):
            report.warnings.append(
                f"levels of {first.image_id} reach {largest} of 65535, as of a camera of {bits} bit; --bits {bits} "
                f"(data.bits={bits}) stretches them"
            )
    return report, first


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder and its folders, in order."""
    return sorted(path for path in _files(folder) if is_image_name(path))


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder and its folders; an OME-Zarr folder is one file."""
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_file() or is_image_name(path):
            found.append(path)
        elif path.is_dir():
            found += _files(path)
    return found


def layout_of(folder: Path, paths: Sequence[Path]) -> tuple[str, str]:
    """Return the layout of a folder, and the command that reads it."""
    train = f"python train.py data={{}} data.root={folder}"
    if (folder / "train.csv").is_file() and (folder / "train").is_dir():
        return "kaggle_hpa", train.format("kaggle_hpa")
    if (folder / "train.csv").is_file() and (folder / "train_images").is_dir():
        return "hubmap", train.format("hubmap")
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        return "instance_folder", f"python train.py experiments=segment/nuclei data.root={folder}"
    if (folder / "index.csv").is_file() and (folder / "images").is_dir():
        return "typed_images", train.format("typed_images")
    names = [path.relative_to(folder) for path in paths if is_image_name(path)]
    fits = {layout: _count(names, layout_pattern(layout).parts_of) for layout in LAYOUTS}
    best = max(fits, key=lambda layout: fits[layout])
    if names and fits[best] >= _MIN_LAYOUT_SHARE * len(names):
        parts = filter(None, map(layout_pattern(best).parts_of, names))
        channels = sorted({one["channel"] for one in parts if "channel" in one})
        words = ",".join(f"{channel}=COLOUR" for channel in channels) or "NAME=COLOUR"
        return f"files of a microscope ({best})", f"hpa import {folder} OUT --layout {best} --channels {words}"
    if any(len(name.parts) == 1 for name in names):
        return "folder of images", f"hpa segment {folder} OUT segmenter=watershed_nuclei"
    return (
        "files of a microscope",
        f"hpa import {folder} OUT --pattern '{{image}}_{{channel}}.tif' --channels NAME=COLOUR,…",
    )


def _count(names: Sequence[Path], fits: Callable[[Path], object]) -> int:
    return sum(fits(name) is not None for name in names)


def _read_set(report: FolderReport, choice: StackChoice) -> Field | None:
    """Read the table of a data set, or the images of a folder, and return the first image that can be read."""
    folder = report.folder
    try:
        if report.layout.startswith(("folder", "files")):
            return _first_of_folder(report, choice)
        source = source_of(report.layout, folder, choice)
    except InputError as error:
        report.problems.append(str(error))
        return None
    report.channels = source.channels
    first = None
    for split in SPLITS[: 1 if report.layout == "instance_folder" else 2]:
        try:
            table = source.table(split)
        except InputError as error:
            report.problems.append(str(error))
            continue
        report.images += len(table)
        report.problems += [str(problem) for problem in table.problems]
        report.warnings += [str(warning) for warning in table.warnings]
        first = first or _first(table, source, split)
    return first


def source_of(layout: str, folder: Path, choice: StackChoice) -> ImageSource:
    """Return the reader of a layout that `layout_of` names, other than plain folders."""
    match layout:
        case "kaggle_hpa":
            return KaggleHpa(folder, CHANNELS, None, None, None, choice.bits)
        case "hubmap":
            return CombinedHubmap(folder, COLOURS, None, [])
        case "typed_images":
            names = {path.stem.rpartition("_")[2] for path in (folder / "images").iterdir() if is_image_name(path)}
            return TypedImages(folder, sorted(names), None, None, choice.bits)
        case _:
            return InstanceFolder(
                folder, ("grey",), None, {}, "instance", choice.z, choice.t, choice.scene, choice.bits
            )


def _first(table: ImageTable, source: ImageSource, split: Split) -> Field | None:
    for image_id in table.image_ids[:_TRIED]:
        try:
            return source.read(image_id, split)
        except InputError:
            continue
    return None


def _first_of_folder(report: FolderReport, choice: StackChoice) -> Field | None:
    deepest = report.folder if report.layout.startswith("folder") else _first_folder_with_images(report)
    images = FolderImages(deepest, (), None, 1.0, choice=choice)
    report.images = len(images.image_ids)
    found = None
    for image_id in images.image_ids:
        try:
            found = images.read(image_id)
            break
        except InputError:
            continue
    return found


def _first_folder_with_images(report: FolderReport) -> Path:
    first = next((file.name for file in report.files if file.status == READ), "")
    return (report.folder / first).parent
