"""The cell store: label maps and crops made once and reused by every later run.

Both are named by what made them (segmenter and its settings, the image's files, pixel size, the crops' settings). Label
maps are kept apart from crops: another crop size segments nothing again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hpa.cells.crop_records import CellMeasures, measures_of, read_measures, write_crops
from hpa.cells.crops import CropSpec, crop_cells
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.core.artifacts import ArtifactCache, make_all
from hpa.core.digest import digest_of_values
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.field import Field, Segmentation
from hpa.core.image_table import ImageTable
from hpa.core.sealed_file import DamagedFileError
from hpa.formats.label_maps import read_segmentation, write_segmentation
from hpa.interfaces import FileSegmenter, ImageSource, Segmenter, Split

__all__ = ["CellStore", "StoredCells"]

log = logging.getLogger(__name__)

_FORMAT_VERSION = 2
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class _Place:
    """Where the label map and the crops of an image belong, and the identity of the files that they are made of."""

    image_id: str
    label_map: Path
    crops: Path
    identity: dict[str, Any]

    def stored(self, spec: CropSpec) -> tuple[StoredImage, CellMeasures] | None:
        """Return what is there, None where anything is missing or damaged."""
        found = read_measures(self.crops, len(spec.channels), spec.side_px)
        if found is None or not self.label_map.is_file():
            return None
        measures, bits, digest = found
        files = (self.identity["image"], self.label_map, self.crops)
        return StoredImage(self.image_id, *files, bits, len(measures), digest), measures


class CellStore:
    """Label maps and crops in a cache that is shared by runs, users and machines.

    Args:
        folder: Folder of the cache.
    """

    def __init__(self, folder: str | Path) -> None:
        self.cache = ArtifactCache(folder)

    def prepare(
        self,
        source: ImageSource,
        table: ImageTable,
        split: Split,
        segmenter: Segmenter,
        spec: CropSpec,
        workers: int,
        on_progress: Callable[[int, int], None],
    ) -> StoredCells:
        """Return the cells of all images of a table, after making what the store lacks.

        Args:
            source: Reads the images.
            table: Images wanted; `pixel_um` of each is part of its key.
            split: Where `source` finds them.
            segmenter: Finds the cells; called by one thread at a time.
            spec: How cells are cropped.
            workers: Threads that decode, crop and write.
            on_progress: Called with (images made, images to make) after each.

        Raises:
            DataError: Naming all images that could not be read or segmented; the others are in the store by then.
            WriteError: At once, if the disk is full (with the bytes needed) or the cache cannot be written to.
        """
        self.cache.sweep("label_maps", "crops")
        maker = _Maker(source, split, segmenter, spec)
        places, problems = self._places(table, maker)
        found = {place.image_id: stored for place in places if (stored := place.stored(spec)) is not None}
        missing = {place.image_id: partial(maker.make, place) for place in places if place.image_id not in found}
        if missing:
            log.info("finding and cutting out the cells of %d images, kept in %s", len(missing), self.cache.folder)
        made, failures = make_all(missing, workers, on_progress)
        if problems or failures:
            raise DataError(f"{table.where} ({split})", problems + failures)
        found |= made
        entries = [found[place.image_id] for place in places]
        cells = StoredCells([image for image, _ in entries], [measures for _, measures in entries], spec)
        _warn_of_empty(cells, table)
        return cells

    def _places(self, table: ImageTable, maker: _Maker) -> tuple[list[_Place], list[Problem]]:
        """Return where each image's files belong, and the images of which that is not known."""
        places: list[_Place] = []
        problems: list[Problem] = []
        settings = {"format": _FORMAT_VERSION, "segmenter": maker.segmenter.fingerprint()}
        for image_id, pixel_um in zip(table.image_ids, table.frame["pixel_um"], strict=True):
            try:
                identity = maker.identity(image_id)
            except InputError as error:
                problems.append(Problem(image_id, str(error)))
                continue
            map_key = digest_of_values(settings | identity | {"pixel_um": float(pixel_um)})
            crop_key = digest_of_values({"label_map": map_key, "crop": maker.spec.fingerprint()})
            label_map = self.cache.path("label_maps", map_key, ".tif")
            places.append(_Place(image_id, label_map, self.cache.path("crops", crop_key, ".npy"), identity))
        return places, problems


class _Maker:
    """Makes the files of one image; safe to call from several threads."""

    def __init__(self, source: ImageSource, split: Split, segmenter: Segmenter, spec: CropSpec) -> None:
        self.source = source
        self.split = split
        self.segmenter = segmenter
        self.spec = spec
        self._one_at_a_time = threading.Lock()

    def identity(self, image_id: str) -> dict[str, Any]:
        """Name the image, and the file that the segmenter reads for it where it reads one.

        Raises:
            InputError: If a file is missing.
        """
        identity: dict[str, Any] = {"image": self.source.identity(image_id, self.split)}
        if isinstance(self.segmenter, FileSegmenter) and (own := self.segmenter.fingerprint_of(image_id)):
            identity["file"] = own
        return identity

    def make(self, place: _Place) -> tuple[StoredImage, CellMeasures]:
        """Read, segment, crop and write.

        Raises:
            InputError: If the image cannot be read or segmented, it was replaced meanwhile, or the disk is full.
        """
        field = self.source.read(place.image_id, self.split)
        segmentation = self._stored_segmentation(field, place.label_map)
        is_new = segmentation is None
        if segmentation is None:
            with self._one_at_a_time:  # a network or its GPU memory is not to be used by two threads
                (segmentation,) = self.segmenter.segment([field])
        if self.identity(place.image_id) != place.identity:
            raise InputError("the image or its label map was replaced while it was read; run the same command again.")
        if is_new:
            write_segmentation(place.label_map, segmentation)
        measures = measures_of(segmentation)
        write_crops(place.crops, crop_cells(field, segmentation, self.spec), measures)
        stored = place.stored(self.spec)
        if stored is None:
            raise InputError(f"{place.crops}: went away while it was written; run the same command again.")
        return stored

    def _stored_segmentation(self, field: Field, path: Path) -> Segmentation | None:
        """Return the stored label maps, None where they are missing or damaged."""
        if not path.is_file():
            return None
        try:
            segmentation = read_segmentation(path)
        except DamagedFileError:
            log.warning("%s: damaged, made anew", path)
            return None
        return segmentation if segmentation.cells.shape == field.pixels.shape[1:] else None


def _warn_of_empty(cells: StoredCells, table: ImageTable) -> None:
    empty: Sequence[str] = cells.images_without_cells
    if empty:
        more = f" and {len(empty) - _NAMES_SHOWN} more" if len(empty) > _NAMES_SHOWN else ""
        names = ", ".join(empty[:_NAMES_SHOWN]) + more
        log.warning("%s: no cell found in %d of %d images: %s", table.where, len(empty), len(table), names)
