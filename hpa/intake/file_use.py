"""What becomes of the files of a folder together: which are no part of a set, or the same image twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from shlex import quote

from hpa.core.image_table import ImageTable
from hpa.formats.folder_files import MASK, NAMES_OF
from hpa.formats.folder_images import FolderImages
from hpa.intake.file_report import PASSED_OVER, READ, REFUSED, FileReport
from hpa.interfaces import Split

LABEL_FOLDERS = ("labels", "label_maps")
"""Folders of a data set that hold label maps."""
_IMAGE_FOLDERS: dict[str, dict[str, Split]] = {
    "kaggle_hpa": {"train": "train", "test": "test"},
    "hubmap": {"train_images": "train", "test_images": "test"},
}
_ONE_FOLDER: dict[str, Split] = {"images": "train"}
_ONE_FILE_A_CHANNEL = ("kaggle_hpa", "typed_images")


def used_in_folder(files: Iterable[FileReport], folder: Path, images: FolderImages) -> list[FileReport]:
    """Return the files of a plain folder as `images` uses them.

    Args:
        files: Each by itself.
        folder: What their names are relative to.
        images: The images that are read of them.
    """
    places = {path: image_id for image_id in images.image_ids for path in images.files_of(image_id)}
    clashes = {
        path: [other.name for other in images.files_of(image_id) if other != path]
        for image_id in images.clashing
        for path in images.files_of(image_id)
    }

    masks = {images.folder / name for name in images.passed_over.get(MASK, ())}

    def used(file: FileReport) -> FileReport:
        path = folder / file.name
        if path in clashes:
            reason = f"the same image or channel as {', '.join(clashes[path])}; keep one of them"
            return replace(file, status=REFUSED, reason=reason)
        if file.status == PASSED_OVER or path in places:
            return file
        if path.parent != images.folder and not images.layout:
            below = quote(str(path.parent))
            return replace(file, status=PASSED_OVER, reason=f"in a folder below; read by: hpa doctor {below}")
        if file.status == REFUSED:
            return file
        if path in masks:
            return replace(file, status=PASSED_OVER, reason="a mask beside its image")
        layout = f", {NAMES_OF.get(images.layout, images.layout)}" if images.layout else ""
        return replace(file, status=PASSED_OVER, reason=f"not named as the others{layout}")

    return list(map(used, files))


def used_in_set(
    files: Iterable[FileReport], folder: Path, layout: str, tables: Mapping[Split, ImageTable]
) -> list[FileReport]:
    """Return the files of a data set as its tables use them.

    Args:
        files: Each by itself.
        folder: The data set.
        layout: Value of `data=`.
        tables: Its tables; files of a split that has none stay as they are.
    """
    folders = _IMAGE_FOLDERS.get(layout, _ONE_FOLDER)
    problems = dict(_problems_of_files(tables))
    listed = {split: {*table.image_ids} for split, table in tables.items()}
    if folders is _ONE_FOLDER:
        listed = {"train": {image_id for ids in listed.values() for image_id in ids}} if listed else {}

    def used(file: FileReport) -> FileReport:
        if str(folder / file.name) in problems:
            return replace(file, status=REFUSED, reason=problems[str(folder / file.name)])
        place = PurePosixPath(file.name)
        if file.status == PASSED_OVER or place.parts[0] in LABEL_FOLDERS:
            return file
        split = folders.get(place.parts[0])
        if split is None or len(place.parts) != 2:
            reason = f"no part of the data set, whose images are in {', '.join(folders)}"
            return replace(file, status=PASSED_OVER, reason=reason)
        image_id = place.stem.rpartition("_")[0] if layout in _ONE_FILE_A_CHANNEL else place.stem
        if file.status == READ and split in listed and image_id not in listed[split]:
            return replace(file, status=PASSED_OVER, reason="no table of the data set names its image")
        return file

    return list(map(used, files))


def _problems_of_files(tables: Mapping[Split, ImageTable]) -> Iterator[tuple[str, str]]:
    """Yield the file and the reason of each problem that begins with a file."""
    for table in tables.values():
        for problem in table.problems:
            path, separator, reason = problem.reason.partition(": ")
            if separator:
                yield path, reason
