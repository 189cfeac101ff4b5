"""What becomes of one file of a folder: read as what, refused why, or passed over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpa.core.errors import InputError
from hpa.formats import proprietary
from hpa.formats.channel_groups import is_thumbnail
from hpa.formats.folder_listing import is_image_name
from hpa.formats.image_header import (
    ImageHeader,
    Scene,
    StackChoice,
    check_readable,
    check_size,
    pick_scene,
    pick_slices,
)
from hpa.formats.images import inspect_image
from hpa.formats.label_maps import is_label_map_name, read_label_map
from hpa.formats.maker_metadata import read_metadata
from hpa.formats.ome_zarr import SUFFIX as ZARR_SUFFIX
from hpa.formats.pixel_size import not_square

READ, REFUSED, PASSED_OVER = "read", "refused", "passed over"
_PICTURES = (".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".jp2", ".heic")
_TABLES = (".csv", ".tsv", ".json", ".jsonl")


@dataclass(frozen=True)
class FileReport:
    """What becomes of one file.

    Attributes:
        name: Relative to the folder.
        status: `read`, `refused`, or `passed over`.
        reason: Why it is not read, "" where it is.
        format: E.g. `OME-TIFF`; "" where it is no image.
        axes: Axes of more than one plane, e.g. `C3 YX`.
        channels: Names of the planes.
        depth: E.g. `16 bit, 12 used`.
        width: Columns, px.
        height: Rows, px.
        pixel_um: Side of a pixel; None where unknown.
        scenes: How many it holds.
        notes: What is left out of it, or done to its levels.
        cells: Of a label map; None where it is an image.
    """

    name: str
    status: str
    reason: str = ""
    format: str = ""
    axes: str = ""
    channels: tuple[str, ...] = ()
    depth: str = ""
    width: int = 0
    height: int = 0
    pixel_um: float | None = None
    scenes: int = 0
    notes: tuple[str, ...] = ()
    cells: int | None = None

    @property
    def kind(self) -> str:
        """Return what files of one kind have in common, in words."""
        size = f"{self.width}×{self.height} px"
        pixels = f"{self.pixel_um:.4g} µm" if self.pixel_um is not None else "pixel size unknown" if self.depth else ""
        parts = [self.format, self.axes, size, self.depth, pixels]
        parts += [f"{self.scenes} scenes"] if self.scenes > 1 else []
        return ", ".join(part for part in parts if part)


def describe_file(path: Path, folder: Path, choice: StackChoice) -> FileReport:
    """Return what becomes of a file, from its header."""
    name = path.relative_to(folder).as_posix()
    if reason := _no_file(path):
        return FileReport(name, PASSED_OVER, reason)
    if words := _metadata_in_words(path):
        return FileReport(name, PASSED_OVER, words)
    if path.suffix.lower() in _TABLES:
        return FileReport(name, PASSED_OVER, "a table, no image")
    if not is_image_name(path):
        return FileReport(name, PASSED_OVER, _not_read(path.suffix))
    if is_thumbnail(path):
        return FileReport(name, PASSED_OVER, "a thumbnail")
    try:
        header = inspect_image(path)
    except InputError as error:
        return FileReport(name, REFUSED, str(error).removeprefix(f"{path}: "))
    reason = _reason_to_refuse(header, choice)
    scene = header.scenes[0]
    side_um = math.sqrt(scene.pixel_um[0] * scene.pixel_um[1])
    return FileReport(
        name,
        REFUSED if reason else READ,
        reason.removeprefix(f"{path}: "),
        header.format,
        _axes(scene),
        scene.channel_names,
        _depth(scene),
        scene.width,
        scene.height,
        None if math.isnan(side_um) else round(side_um, 6),
        len(header.scenes),
        (*header.notes, *scene.notes, *not_square(scene.pixel_um)),
    )


def describe_label_map(path: Path, folder: Path) -> FileReport:
    """Return what becomes of a label map, which is decoded for that."""
    name = path.relative_to(folder).as_posix()
    if reason := _no_file(path):
        return FileReport(name, PASSED_OVER, reason)
    if not is_label_map_name(path):
        return FileReport(name, PASSED_OVER, f"{path.suffix or 'no suffix'} is no format of label maps that is read")
    try:
        label_map = read_label_map(path)
    except InputError as error:
        return FileReport(name, REFUSED, str(error).removeprefix(f"{path}: "))
    height, width = label_map.shape
    cells = int(np.count_nonzero(np.unique(label_map)))
    return FileReport(name, READ, format="label map", width=width, height=height, cells=cells)


def _not_read(suffix: str) -> str:
    """Return why files of a suffix are not read, and what to do where they are images."""
    lower = suffix.lower()
    reason = f"{suffix or 'no suffix'} is no format of images that is read"
    if lower in proprietary.CONVERTED:
        return f"{reason}, one of {proprietary.CONVERTED[lower]}; {proprietary.CONVERSION}"
    return f"{reason}; save it as TIFF or PNG" if lower in _PICTURES else reason


def _metadata_in_words(path: Path) -> str:
    """Return what a microscope wrote beside its images, "" where a file is nothing of the kind."""
    try:
        found = read_metadata(path)
    except InputError as error:
        return f"no image, a microscope's description of images that {str(error).removeprefix(f'{path}: ')}"
    return "" if found is None else "no image, a microscope's description: " + str(found).partition(": ")[2]


def _no_file(path: Path) -> str:
    """Return why something in a folder is no file to be read, "" where it is one (or an OME-Zarr folder)."""
    if path.name.startswith("._"):
        return "hidden, what macOS keeps beside a file of that name"
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return "" if path.suffix.lower() == ZARR_SUFFIX else "a folder by the name of a file"
    return "" if path.is_file() or path.is_symlink() else "no file (a pipe, a socket or a device)"


def _reason_to_refuse(header: ImageHeader, choice: StackChoice) -> str:
    """Return why no image comes of a file, "" where one does."""
    try:
        scene = header.scenes[0 if choice.scene == "all" else pick_scene(header, choice)]
        check_readable(header, scene)
        slices, _ = pick_slices(header.path, scene, choice)
        check_size(header.path, len(slices) * len(scene.channel_names) * scene.height * scene.width)
    except InputError as error:
        return str(error)
    missing = [name for name in scene.set_files if not (header.path.parent / name).is_file()]
    if missing:
        return f"belongs to a set of {len(scene.set_files)} files, of which {', '.join(missing)} is missing"
    return ""


def _axes(scene: Scene) -> str:
    pages = (
        0 if any(len(axis) > 1 for axis in scene.other_axes) else len(scene.channel_names)
    )  # else of no known meaning
    long = {"C": pages, **scene.stack_axes}
    return " ".join([*(f"{axis}{length}" for axis, length in long.items() if length > 1 and len(axis) == 1), "YX"])


def _depth(scene: Scene) -> str:
    colour = "" if scene.colour == "grey" else f"{scene.colour}, "
    if scene.dtype not in ("uint8", "uint16"):
        return colour + scene.dtype
    used = "" if scene.bits == scene.info.bits else f", {scene.bits} used"
    return f"{colour}{scene.info.bits} bit{used}"
