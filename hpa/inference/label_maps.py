"""From a folder of images to a folder of label maps (`hpa segment`): resumable, and no bad image stops it.

An image is a file of its own here, written whole, so that neither blocks nor a merge are needed: what is there is done.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Int32, UInt8

from hpa.core.errors import InputError, Problem
from hpa.core.field import Field, Segmentation
from hpa.core.file_lock import held
from hpa.core.file_names import require_distinct
from hpa.core.label_map import relabel
from hpa.core.outputs import check_outputs, is_own_output, output_file
from hpa.core.whole_file import WriteError
from hpa.formats.cellpose_seg import SUFFIX, write_cellpose_seg
from hpa.formats.folder_images import FolderImages
from hpa.formats.label_maps import read_label_map, write_label_map
from hpa.inference.measured_images import MeasuredImages, with_kept_cells
from hpa.inference.steps import reason_of
from hpa.intake.bright_background import has_bright_background
from hpa.interfaces import NamesCells, Segmenter
from hpa.sources.cell_classes import FILE_NAME as CLASSES
from hpa.sources.cell_classes import CellClassesWriter

COMMAND = "segment"
_FOR_FLUORESCENCE = ("watershed", "hpa_cell")
"""Segmenters, by their fingerprints, that look for bright cells on a dark background."""
LOCK_FILE = ".lock"
SETTINGS_FILE = "segmenter.json"
log = logging.getLogger(__name__)

Picture = UInt8[np.ndarray, "height width 3"]
Draw = Callable[[Field, Int32[np.ndarray, "height width"] | None], Picture]
"""Shows a field, with its cells outlined where they are given."""


@dataclass(frozen=True)
class LabelMapOutput:
    """Where label maps go.

    Attributes:
        folder: Is made where it is missing.
        format: `tif`, `png`, or `cellpose` for `<ID>_seg.npy`.
        preview: Write `preview/<ID>.png` too.
        draw: Makes the pictures.
        overwrite: Whether files that are there are made again, whoever made or corrected them.
        measured: Where the cells are measured too.
    """

    folder: Path
    format: str
    preview: bool
    draw: Draw
    overwrite: bool = False
    measured: MeasuredImages | None = None

    def has_label_map(self, image_id: str) -> bool:
        """Return whether the label map of an image is there and to be kept; files are written whole or not at all."""
        return not self.overwrite and self._path(image_id).is_file()

    def lacks_preview(self, image_id: str) -> bool:
        """Return whether the preview of an image is wanted, and missing or older than the label map."""
        place = self._preview_path(image_id)
        return self.preview and (self.overwrite or not place.is_file() or self.is_outdated(image_id))

    def is_outdated(self, image_id: str) -> bool:
        """Return whether a label map was changed, perhaps by hand, since its preview or measurements were made."""
        changed = self._path(image_id).stat().st_mtime_ns
        made = [self._preview_path(image_id)] if self.preview else []
        made += [] if self.measured is None else self.measured.paths([image_id])[1:]
        return any(path.is_file() and path.stat().st_mtime_ns < changed for path in made)

    def lacks_measurements(self, image_id: str) -> bool:
        """Return whether the measurements of an image are wanted and missing or out of date."""
        return self.measured is not None and not self.measured.is_current(image_id, self._path(image_id))

    def kept_cells(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Read the label map of an image that is kept.

        Raises:
            InputError: If it cannot be read.
        """
        return relabel(read_label_map(self._path(image_id)))

    def claim(self, settings: dict[str, Any], image_ids: Sequence[str], inputs: Collection[Path]) -> None:
        """Note in the folder what makes its label maps.

        Args:
            settings: Of segmenter and images, as plain types.
            image_ids: Images to be segmented.
            inputs: Their files.

        Raises:
            InputError: If a file to be written is one of the images, the label maps in the folder were made by another
                segmenter or with other settings, files of these names were put there by others, or two images would be
                one file on some systems.
        """
        require_distinct(image_ids)
        path, text = self.folder / SETTINGS_FILE, json.dumps(settings, indent=1, sort_keys=True)
        outputs = [self._path(image_id) for image_id in image_ids]
        tables = [] if self.measured is None else self.measured.paths(image_ids)
        written = [path, *outputs, *map(self._preview_path, image_ids), *tables]
        check_outputs(written, COMMAND, inputs=inputs, overwrite=True)
        if self.folder.resolve() in {file.parent.resolve() for file in inputs}:
            raise InputError(f"{self.folder}: is the folder of the images; choose another one for their label maps.")
        previews = (self._preview_path(image_id) for image_id in image_ids if self.preview)
        others = [self.folder / CLASSES, *previews, *tables]
        foreign = [file.name for file in (*outputs, *others) if file.is_file()]
        if foreign and not path.is_file() and not self.overwrite:
            raise InputError(
                f"{self.folder}: holds {len(foreign)} files of these names ({foreign[0]}) that 'hpa segment' did not "
                f"make (no {path.name}); choose another folder, or write over them with --overwrite."
            )
        others_there = any(child.name not in (path.name, LOCK_FILE) for child in self.folder.iterdir())
        is_bound = others_there or not is_own_output(path, COMMAND)  # else an earlier run wrote nothing
        if path.is_file() and is_bound and path.read_text(encoding="utf-8") != text and not self.overwrite:
            raise InputError(
                f"{self.folder}: holds label maps of another segmenter or other settings ({path.name}); choose a new "
                "folder, or delete this one."
            )
        with output_file(path, COMMAND, len(text)) as file:
            file.write(text.encode())

    def write(self, shown: Field, label_map: Int32[np.ndarray, "height width"], image_file: Path | None) -> None:
        """Write label map and picture of an image, the picture last: an older one shows other cells.

        Raises:
            InputError: If the format cannot hold the map, or the disk is full.
        """
        if self.format == "cellpose":
            write_cellpose_seg(self._path(shown.image_id), label_map, image_file, self.draw(shown, None))
        else:
            write_label_map(self._path(shown.image_id), label_map)
        if self.preview:
            self.write_preview(shown, label_map)

    def write_preview(self, shown: Field, label_map: Int32[np.ndarray, "height width"] | None = None) -> None:
        """Write the picture of an image, with the cells of a label map, else of the one that is kept.

        Raises:
            InputError: If the kept label map cannot be read, or the disk is full.
        """
        cells = self.kept_cells(shown.image_id) if label_map is None else label_map
        if cells.shape != shown.pixels.shape[1:]:
            raise InputError(f"its label map has {cells.shape} px, the image {shown.pixels.shape[1:]}; remove the map.")
        place = self._preview_path(shown.image_id)
        if place.exists() and not self.overwrite and not is_own_output(place, COMMAND):
            return  # a picture of the user's
        encoded = cv2.imencode(".png", self.draw(shown, cells)[..., ::-1])[1]
        with output_file(place, COMMAND, encoded.nbytes) as file:
            file.write(encoded.tobytes())

    def _path(self, image_id: str) -> Path:
        return self.folder / (f"{image_id}{SUFFIX}" if self.format == "cellpose" else f"{image_id}.{self.format}")

    def _preview_path(self, image_id: str) -> Path:
        return self.folder / "preview" / f"{image_id}.png"


@dataclass
class SegmentedImages:
    """What came of a folder.

    Attributes:
        written: Label maps written now.
        kept: Label maps that were there.
        changed: Of those kept, how many were changed since their preview or measurements were made.
        kept_cells: Cells in those kept.
        previews: Previews drawn of those kept.
        measured: Images whose measurements stand in the table of all.
        cells: Cells in those written.
        bright: Images of those written with a bright background, where the segmenter looks for bright cells.
        failed: Images without a label map, preview or measurements, and why.
    """

    written: int = 0
    kept: int = 0
    changed: int = 0
    kept_cells: int = 0
    previews: int = 0
    measured: int = 0
    cells: int = 0
    bright: list[str] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)


def segment_images(
    images: FolderImages, segmenter: Segmenter, output: LabelMapOutput, progress: Callable[[], object]
) -> SegmentedImages:
    """Write a label map for every image that has none yet; of a segmenter that names cells also `classes.csv`.

    Args:
        images: What to read.
        segmenter: What finds the cells.
        output: Where the maps go.
        progress: Is called after each image.

    Raises:
        InputError: If the folder holds maps of other settings, or another process writes there.
        WriteError: If the disk is full or the folder read-only; what was written is kept.
    """
    with held(output.folder / LOCK_FILE, "writes label maps", "wait until it ends, or choose another folder."):
        return _segment_all(images, segmenter, output, progress)


def _segment_all(
    images: FolderImages, segmenter: Segmenter, output: LabelMapOutput, progress: Callable[[], object]
) -> SegmentedImages:
    files = {file for image_id in images.image_ids for file in images.files_of(image_id)}
    output.claim({"segmenter": segmenter.fingerprint(), "images": images.settings()}, images.image_ids, files)
    result = SegmentedImages()
    finds = _Finder(segmenter, _classes_of(segmenter, output))
    for image_id in images.image_ids:
        try:
            if not output.has_label_map(image_id):
                _segment(image_id, images, finds, output, result)
            else:
                result.kept += 1
                _complete(image_id, images, finds, output, result)
        except WriteError:
            raise
        except Exception as error:  # one image must not stop the others, whatever is wrong with it
            if not isinstance(error, InputError):
                log.exception("%s", image_id)
            result.failed.append(Problem(image_id, reason_of(error, image_id)))
        progress()
    if output.measured is not None:
        result.measured = output.measured.join(images.image_ids)
    return result


def _classes_of(segmenter: Segmenter, output: LabelMapOutput) -> CellClassesWriter | None:
    """Return what writes the classes of cells, None of a segmenter that names none: a table there is the user's."""
    if not (isinstance(segmenter, NamesCells) and segmenter.class_names):
        return None
    if output.overwrite:
        (output.folder / CLASSES).unlink(missing_ok=True)
    return CellClassesWriter(output.folder, output.has_label_map)


@dataclass(frozen=True)
class _Finder:
    """Finds the cells of an image, and keeps their classes where the segmenter has any."""

    segmenter: Segmenter
    named: CellClassesWriter | None

    def segmentation_of(self, shown: Field) -> Segmentation:
        segmenter = self.segmenter
        if self.named is None or not isinstance(segmenter, NamesCells):
            return segmenter.segment([shown])[0]
        found = segmenter.instances(shown)
        names = [segmenter.class_names[number] for number in found.classes.tolist()]
        scores = [1.0] * len(names) if found.scores is None else found.scores.tolist()
        self.named.add(shown.image_id, names, scores)
        return Segmentation(np.asarray(found.label_map, np.int32))


def _segment(
    image_id: str, images: FolderImages, finds: _Finder, output: LabelMapOutput, result: SegmentedImages
) -> None:
    shown = images.read(image_id)
    found = finds.segmentation_of(shown)
    output.write(shown, found.cells, images.file_of(image_id))
    result.written += 1
    if finds.segmenter.fingerprint()["segmenter"] in _FOR_FLUORESCENCE and has_bright_background(shown.pixels):
        result.bright.append(image_id)
    result.cells += int(found.cells.max(initial=0))
    if output.measured is not None:
        output.measured.write(shown, found, images.file_of(image_id) is not None)


def _complete(
    image_id: str, images: FolderImages, finds: _Finder, output: LabelMapOutput, result: SegmentedImages
) -> None:
    """Add what is wanted and missing beside a label map that is kept."""
    kept = output.kept_cells(image_id)
    result.kept_cells += int(kept.max(initial=0))
    result.changed += output.is_outdated(image_id)
    lacks_measurements = output.lacks_measurements(image_id)
    if output.lacks_preview(image_id):
        output.write_preview(images.read(image_id), kept)
        result.previews += 1
    if output.measured is not None and lacks_measurements:
        shown = images.read(image_id)
        if kept.shape != shown.pixels.shape[1:]:
            raise InputError(f"its label map has {kept.shape} px, the image {shown.pixels.shape[1:]}; remove the map.")
        found = with_kept_cells(finds.segmenter.segment([shown])[0], kept)
        output.measured.write(shown, found, images.file_of(image_id) is not None)
