"""The cell store: label maps and crops made once and reused by every later run.

Both are named by a hash of all that made them (segmenter and its settings, the image's files, pixel size, way of
cutting), so a changed setting makes new files, an unchanged one finds the old. Two writers of one file write the same
bytes, and files appear whole or not at all. Label maps are kept apart from crops: another crop size segments nothing
again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from hpa.cells.crops import CropSpec, cut_cells
from hpa.cells.store_records import CellMeasures, measures_of, read_measures, write_crops
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.core.digest import digest_of_values
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.field import Field, Segmentation
from hpa.core.image_table import ImageTable
from hpa.core.whole_file import DiskFullError
from hpa.formats.label_maps import read_segmentation, write_segmentation
from hpa.interfaces import FileSegmenter, ImageSource, Segmenter, Split

__all__ = ["CellStore", "StoredCells"]

log = logging.getLogger(__name__)

_FORMAT_VERSION = 1
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class _Place:
    """Where the label map and the crops of an image belong."""

    image_id: str
    label_map: Path
    crops: Path

    def stored(self) -> tuple[StoredImage, CellMeasures] | None:
        """Return what is there, None where anything is missing or damaged."""
        found = read_measures(self.crops)
        if found is None or not self.label_map.is_file():
            return None
        measures, bits = found
        return StoredImage(self.image_id, self.label_map, self.crops, bits, len(measures)), measures


class CellStore:
    """A folder of label maps and crops, shared by runs, users and machines that see it."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

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
            spec: How cells are cut.
            workers: Threads that decode, cut and write.
            on_progress: Called with (images made, images to make) after each.

        Raises:
            DataError: Naming all images that could not be read or segmented; the others are in the store by then.
            DiskFullError: At once, with the bytes needed.
        """
        places, problems = self._places(source, table, split, segmenter, spec)
        found = {row: stored for row, place in places.items() if (stored := place.stored()) is not None}
        maker = _Maker(source, split, segmenter, spec)
        missing = {row: place for row, place in places.items() if row not in found}
        made, failures = _make_all(maker, missing, workers, on_progress)
        problems += failures
        if problems:
            raise DataError(f"{table.where} ({split})", problems)
        entries = [stored for _, stored in sorted((found | made).items())]
        cells = StoredCells([image for image, _ in entries], [measures for _, measures in entries], spec)
        _warn_of_empty(cells, table)
        return cells

    def _places(
        self, source: ImageSource, table: ImageTable, split: Split, segmenter: Segmenter, spec: CropSpec
    ) -> tuple[dict[int, _Place], list[Problem]]:
        """Return where each row's files belong, and the rows for which that cannot be told."""
        places: dict[int, _Place] = {}
        problems: list[Problem] = []
        settings = {"format": _FORMAT_VERSION, "segmenter": segmenter.fingerprint()}
        for row, (image_id, pixel_um) in enumerate(zip(table.image_ids, table.frame["pixel_um"], strict=True)):
            try:
                what = settings | {"image": source.identity(image_id, split), "pixel_um": float(pixel_um)}
                if isinstance(segmenter, FileSegmenter):
                    what["file"] = segmenter.fingerprint_of(image_id)
            except InputError as error:
                problems.append(Problem(image_id, str(error)))
                continue
            map_key = digest_of_values(what)
            crop_key = digest_of_values({"label_map": map_key, "crop": spec.fingerprint()})
            places[row] = _Place(
                image_id,
                self.folder / "label_maps" / map_key[:2] / f"{map_key}.tif",
                self.folder / "crops" / crop_key[:2] / f"{crop_key}.npy",
            )
        return places, problems


class _Maker:
    """Makes the files of one image; safe to call from several threads."""

    def __init__(self, source: ImageSource, split: Split, segmenter: Segmenter, spec: CropSpec) -> None:
        self.source = source
        self.split = split
        self.segmenter = segmenter
        self.spec = spec
        self._one_at_a_time = threading.Lock()

    def make(self, place: _Place) -> tuple[StoredImage, CellMeasures]:
        """Read, segment, cut and write.

        Raises:
            InputError: If the image cannot be read or segmented, or the disk is full.
        """
        field = self.source.read(place.image_id, self.split)
        segmentation = self._segmentation(field, place.label_map)
        crops = cut_cells(
            field,
            segmentation,
            channels=self.spec.channels,
            side_px=self.spec.side_px,
            masked=self.spec.masked,
            margin=self.spec.margin,
        )
        measures = measures_of(segmentation)
        write_crops(place.crops, crops, measures)
        bits = 8 * field.pixels.dtype.itemsize
        return StoredImage(place.image_id, place.label_map, place.crops, bits, len(measures)), measures

    def _segmentation(self, field: Field, path: Path) -> Segmentation:
        """Return the stored label maps, or make and store them where they are missing or damaged."""
        if path.is_file():
            try:
                segmentation = read_segmentation(path)
                if segmentation.cells.shape == field.pixels.shape[1:]:
                    return segmentation
            except InputError:
                log.info("%s is damaged and made anew", path)
        with self._one_at_a_time:  # a network or its GPU memory is not to be used by two threads
            (segmentation,) = self.segmenter.segment([field])
        write_segmentation(path, segmentation)
        return segmentation


def _make_all(
    maker: _Maker, places: dict[int, _Place], workers: int, on_progress: Callable[[int, int], None]
) -> tuple[dict[int, tuple[StoredImage, CellMeasures]], list[Problem]]:
    """Make all, going on where an image fails; nothing further is started after a full disk or Ctrl-C."""
    made: dict[int, tuple[StoredImage, CellMeasures]] = {}
    failures: dict[int, Problem] = {}
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        rows: dict[Future[tuple[StoredImage, CellMeasures]], int] = {
            pool.submit(maker.make, place): row for row, place in places.items()
        }
        for done, future in enumerate(as_completed(rows), start=1):
            row = rows[future]
            try:
                made[row] = future.result()
            except DiskFullError:
                raise
            except InputError as error:
                failures[row] = Problem(places[row].image_id, str(error))
            on_progress(done, len(rows))
    finally:
        pool.shutdown(cancel_futures=True)
    return made, [problem for _, problem in sorted(failures.items())]


def _warn_of_empty(cells: StoredCells, table: ImageTable) -> None:
    empty: Sequence[str] = cells.images_without_cells
    if empty:
        more = f" and {len(empty) - _NAMES_SHOWN} more" if len(empty) > _NAMES_SHOWN else ""
        names = ", ".join(empty[:_NAMES_SHOWN]) + more
        log.warning("%s: no cell found in %d of %d images: %s", table.where, len(empty), len(table), names)
