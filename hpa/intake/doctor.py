"""What a folder will be read as, before anything is done with it: layout, files, channels, depth, sizes.

Headers of all files are read, pixels of the first image only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.levels import unused_bits
from hpa.core.override_text import override_text
from hpa.core.planes import COLOURS
from hpa.core.table_text import table_file
from hpa.formats.channel_groups import ChannelGroups, is_thumbnail, recognised_groups
from hpa.formats.folder_files import NAMES_OF, WHOLE
from hpa.formats.folder_images import FolderImages
from hpa.formats.folder_listing import entries_below, files_below, is_image_name
from hpa.formats.image_header import MAX_CHANNELS, StackChoice
from hpa.formats.layouts import OTHER_NAMES
from hpa.formats.stains import is_stain, with_colours
from hpa.intake.bright_background import bright_background_warning, has_bright_background
from hpa.intake.file_report import PASSED_OVER, READ, REFUSED, FileReport, describe_file, describe_label_map
from hpa.intake.file_use import LABEL_FOLDERS, used_in_folder, used_in_set
from hpa.interfaces import ImageSource, Split
from hpa.sources.hubmap.combined import CombinedHubmap
from hpa.sources.instance_folder import InstanceFolder
from hpa.sources.kaggle_hpa import KaggleHpa
from hpa.sources.typed_images import TypedImages

_THREADS = 8
_COLOUR = "COLOUR"
_TRIED = 5
"""Images of a set that are tried until one can be read."""
OTHER_FILES = _RECOGNISED = "files of a microscope"
"""Layout of files in folders below, whose names are not recognised."""
FOLDER = "folder of images"
"""Layout of single files in one folder."""
NO_IMAGES = "folder without images that are read"
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
    label_folders = () if report.layout.startswith(("folder", "files")) else LABEL_FOLDERS
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


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder and its folders, in order."""
    return [path for path in files_below(folder) if is_image_name(path)]


def data_set_layout(folder: Path) -> str | None:
    """Return the value of `data=` that reads a data set, None where a folder is none."""
    is_labelled = table_file(folder / "train.csv").is_file()
    if is_labelled and (folder / "train").is_dir():
        return "kaggle_hpa"
    if is_labelled and (folder / "train_images").is_dir():
        return "hubmap"
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        return "instance_folder"
    if table_file(folder / "index.csv").is_file() and (folder / "images").is_dir():
        return "typed_images"
    return None


def layout_of(folder: Path, paths: Sequence[Path]) -> tuple[str, str]:
    """Return the layout of a folder, and the command that reads it."""
    layout = data_set_layout(folder)
    if layout is not None:
        choice = "experiments=segment/nuclei" if layout == "instance_folder" else f"data={layout}"
        return layout, f"python train.py {choice} {quote(override_text('data.root', folder))}"
    images = [path for path in paths if is_image_name(path)]
    groups = recognised_groups([path for path in images if not is_thumbnail(path)], folder)
    if groups is not None:
        return _microscope(folder, groups)
    if any(path.parent == folder for path in images):
        return FOLDER, f"hpa segment {quote(str(folder))} OUT segmenter=watershed_nuclei"
    if not images:
        return NO_IMAGES, "save its images as OME-TIFF, TIFF or PNG"
    return OTHER_FILES, f"hpa import {quote(str(folder))} OUT {_pattern_words(folder, images)}"


def _pattern_words(folder: Path, images: Sequence[Path]) -> str:
    """Return the options that say how files are named: folders that hold the same names are images of their own."""
    names_of: dict[Path, list[str]] = {}
    for path in images:
        names_of.setdefault(path.parent.relative_to(folder), []).append(path.stem)
    first, *others = list(names_of.values()) or [[]]
    folders = [str(place) for place in names_of]
    if others and all(map(is_stain, folders)):
        return f"--pattern '{{channel}}/{{image}}{images[0].suffix}' --channels {quote(_words_for(folders))}"
    if others and 1 < len(set(first)) <= MAX_CHANNELS and all(sorted(names) == sorted(first) for names in others):
        depth = len(next(iter(names_of)).parts)
        pattern = "/".join([*(f"{{folder{number}}}" for number in range(1, depth)), "{image}", "{channel}"])
        return f"--pattern '{pattern}{images[0].suffix}' --channels {quote(_words_for(first))}"
    return "--pattern '{image}_{channel}.tif' --channels NAME=COLOUR,…"


def _words_for(channels: Sequence[str]) -> str:
    """Return pairs for --channels, of known stains with their colours."""
    called = with_colours(channels)
    return ",".join(
        f"{own}={name if name in CHANNELS else _COLOUR}" for own, name in zip(channels, called, strict=True)
    )


def _microscope(folder: Path, groups: ChannelGroups) -> tuple[str, str]:
    """Return what files of a recognised layout are, and the commands that read them, one a line."""
    described = groups.names_by_maker()
    called = with_colours([described.get(channel, channel) for channel in groups.channels])
    colours = [name if name in CHANNELS else _COLOUR for name in called]
    words = [f"{own}={colour}" for own, colour in zip(groups.channels, colours, strict=True)]
    channels = f" --channels {quote(','.join(words))}"
    is_known = _COLOUR not in colours
    lines = ["go on by one of these", f"  hpa segment {quote(str(folder))} OUT{'' if is_known else channels}"]
    name = groups.layout
    if groups.layout == OTHER_NAMES:
        name = NAMES_OF[OTHER_NAMES]
    else:
        lines.append(f"  hpa import {quote(str(folder))} OUT --layout {groups.layout}{channels}")
    if not is_known:
        lines.append(f"{_COLOUR} is blue for the nuclei, else green, red or yellow; the picture shows each channel")
    return f"{_RECOGNISED} ({name})", "\n".join(lines)


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
        report.images = len(images.image_ids)
        report.problems += _incomplete(images)
        report.files = used_in_folder(report.files, report.folder, images)
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
