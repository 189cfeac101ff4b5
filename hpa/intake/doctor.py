"""What a folder will be read as, before anything is done with it: layout, files, channels, depth, sizes.

Headers of all files are read, pixels of the first image only.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.levels import unused_bits
from hpa.core.planes import COLOURS
from hpa.core.workbooks import workbook_advice
from hpa.formats.folder_files import WHOLE
from hpa.formats.folder_images import FolderImages
from hpa.formats.folder_listing import entries_below, files_below, is_image_name
from hpa.formats.image_header import StackChoice
from hpa.intake.bright_background import bright_background_warning, has_bright_background
from hpa.intake.file_report import PASSED_OVER, READ, REFUSED, FileReport, describe_file, describe_label_map
from hpa.intake.file_use import LABEL_FOLDERS, used_in_folder, used_in_set
from hpa.intake.layout_advice import FOLDER, layout_of
from hpa.interfaces import ImageSource, Split
from hpa.sources.hubmap.combined import CombinedHubmap
from hpa.sources.instance_folder import InstanceFolder
from hpa.sources.kaggle_hpa import KaggleHpa
from hpa.sources.typed_images import TypedImages

_THREADS = 8
_TRIED = 5
"""Images of a set that are tried until one can be read."""
SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass
class FolderReport:
    """What a folder will be read as.

    Attributes:
        folder: The folder.
        layout: Value of `data=`, `folder of images`, or `files of a microscope`.
        advice: The command that reads it so, or several, one a line.
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

    def channels_in_words(self) -> str:
        """Return the channels of the images, with the number of images of each kind where single files differ."""
        read = [file for file in self.files if file.status == READ and file.cells is None]
        of_file = Counter(_channels_of(file) for file in read)
        if self.layout != FOLDER or len(read) != self.images or len(of_file) < 2:
            return f" of {', '.join(self.channels)}" if self.channels else ""
        return ": " + "; ".join(f"{count} of {channels}" for channels, count in of_file.most_common())

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain types."""
        return asdict(self) | {"folder": str(self.folder), "counts": self.counts()}


def _channels_of(file: FileReport) -> str:
    """Return the planes of a single file in words."""
    if len(file.channels) > 1:
        return ", ".join(file.channels)
    return ", ".join(COLOURS) if "RGB" in file.axes else "grey" if file.axes == "YX" else file.axes


def examine(folder: Path, choice: StackChoice) -> tuple[FolderReport, Field | None]:
    """Return what a folder will be read as, and its first image.

    Raises:
        InputError: If there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of images was expected, there is none; check the path.")
    paths = sorted(entries_below(folder), key=lambda path: path.relative_to(folder).as_posix())
    if not paths:
        raise InputError(f"{folder}: the folder is empty; check the path.")
    report = FolderReport(folder, *layout_of(folder, files_below(folder)))
    is_plain = report.layout.startswith(("folder", "files"))
    if is_plain:
        report.warnings += filter(None, (workbook_advice(folder / name) for name in ("train.csv", "index.csv")))
    label_folders = () if is_plain else LABEL_FOLDERS
    with ThreadPoolExecutor(_THREADS) as pool:
        report.files = list(
            pool.map(
                lambda path: (
                    describe_label_map(path, folder)
                    if path.relative_to(folder).parts[0] in label_folders
                    else describe_file(path, folder, choice)
                ),
                paths,
            )
        )
    first = _read_set(report, choice)
    if first is not None:
        report.first_image = first.image_id
        report.channels = report.channels or first.channels
        if has_bright_background(first.pixels):
            report.warnings.append(bright_background_warning(first.image_id))
        largest = int(first.pixels.max())
        if bits := unused_bits(largest, 8 * first.pixels.itemsize):
            report.warnings.append(
                f"levels of {first.image_id} reach {largest} of 65535, as of a camera of {bits} bit; --bits {bits} "
                f"(data.bits={bits}) stretches them"
            )
    return report, first


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
    tables: dict[Split, ImageTable] = {}
    for split in SPLITS[: 1 if report.layout == "instance_folder" else 2]:
        try:
            tables[split] = table = source.table(split)
        except InputError as error:
            report.problems.append(str(error))
            continue
        report.images += len(table)
        report.problems += [str(problem) for problem in table.problems]
        report.warnings += [str(warning) for warning in table.warnings]
        first = first or _first(table, source, split)
    report.files = used_in_set(report.files, folder, report.layout, tables)
    depths = {split: sorted({*table.frame["bits"]} - {0}) for split, table in tables.items()}
    if len(depths) > 1 and len({tuple(bits) for bits in depths.values() if bits}) > 1:
        listed = ", ".join(f"{split} {' and '.join(map(str, bits))} bit" for split, bits in depths.items())
        report.warnings.append(f"the splits are of different depth ({listed}); compare their levels")
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
    """Count the images of a folder and return the first one that can be read."""
    deepest = [(report.folder / file.name).parent for file in report.files if file.status == READ]
    for folder in dict.fromkeys([report.folder, *deepest[:1]]):
        try:
            images = FolderImages(folder, (), None, None, choice=choice)
        except InputError:
            continue
        report.problems += _incomplete(images)
        report.files = used_in_folder(report.files, report.folder, images)
        refused = {report.folder / file.name for file in report.files if file.status == REFUSED}
        report.images = sum(refused.isdisjoint(images.found.files_of(image_id)) for image_id in images.image_ids)
        reasons: list[str] = []
        for image_id in images.image_ids:
            try:
                return images.read(image_id)
            except InputError as error:
                reasons.append(f"{image_id}: {error}")
        if report.counts()[READ]:  # each file by itself is read: what is wrong with the images stands here alone
            report.problems += reasons[:_TRIED]
    return None


def _incomplete(images: FolderImages) -> list[str]:
    """Return which images lack a file of a channel that others have."""
    problems = []
    for image_id in images.image_ids:
        own = images.found.images[image_id]
        missing = [channel for channel in images.own_channels if channel not in own]
        if missing and WHOLE not in own:
            problems.append(
                f"{image_id}: there is no file of channel {', '.join(missing)}, which other images have; add it"
            )
    return problems
