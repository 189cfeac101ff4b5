"""Whole images as models of fields see them, made once beside the cell store and reused by every later run.

An image's files are named by the hash that names its label map (segmenter, settings, the image's files, pixel size),
the way of showing and the stride: a changed setting makes new files, an unchanged one finds the old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from hpa.cells.fields.spec import FieldSpec, coverage_of, shown_field
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.core.digest import digest_of_values
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.whole_file import DiskFullError, whole_file
from hpa.formats.label_maps import read_segmentation
from hpa.interfaces import ImageSource, Split

_ENTRY = np.dtype([("cell", "<i4"), ("place", "<i4"), ("share", "<f4")])
"""A cell's share in one place of the grid; places without any are not kept."""


@dataclass(frozen=True)
class StoredField:
    """Where an image and the places of its cells lie.

    Attributes:
        planes: File of the shown planes, at the bit depth of the image.
        entries: File of the shares, written last.
        cell_count: How many cells it holds.
    """

    planes: Path
    entries: Path
    cell_count: int


class StoredFields:
    """The images of a table as they are shown, in table order; holds paths only, so it is cheap to hand to workers."""

    def __init__(self, fields: Sequence[StoredField], spec: FieldSpec, stride: int) -> None:
        self.fields = tuple(fields)
        self.spec = spec
        self.grid = spec.grid_of(stride)

    def image(self, row: int) -> Float32[np.ndarray, "channel side side"]:
        """Return the image of a row of the table, intensities in [0, 1].

        Raises:
            InputError: If the file went away or was damaged after it had been checked.
        """
        planes = _read(self.fields[row].planes)
        return planes.astype(np.float32) / np.float32(np.iinfo(planes.dtype).max)

    def coverage(self, row: int, cells: Int64[np.ndarray, " cell"]) -> Float32[np.ndarray, "cell grid grid"]:
        """Return the shares of some cells of an image, numbered from 0.

        Raises:
            InputError: If the file went away or was damaged after it had been checked.
        """
        field = self.fields[row]
        entries = _read(field.entries)
        shares = np.zeros((field.cell_count, self.grid**2), np.float32)
        shares[entries["cell"], entries["place"]] = entries["share"]
        return shares[cells].reshape(len(cells), self.grid, self.grid)


class FieldStore:
    """A folder of shown images, shared by runs that want the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(
        self,
        source: ImageSource,
        split: Split,
        cells: StoredCells,
        spec: FieldSpec,
        stride: int,
        workers: int,
        on_progress: Callable[[int, int], None],
    ) -> StoredFields:
        """Return the images of stored cells, after making what the store lacks.

        Args:
            source: Reads the images.
            split: Where `source` finds them.
            cells: Images wanted, with their label maps.
            spec: How images are shown.
            stride: Side of a place of the grid, px of the shown image.
            workers: Threads that decode, shrink and write.
            on_progress: Called with (images done, all images) after each.

        Raises:
            DataError: Naming all images that could not be read; the others are in the store by then.
            DiskFullError: At once, with the bytes needed.
        """
        fields = [self._place(image, spec, stride) for image in cells.images]
        problems: dict[int, Problem] = {}
        pool = ThreadPoolExecutor(workers)
        try:
            jobs = {
                pool.submit(_make, source, split, image, field, spec, stride): row
                for row, (image, field) in enumerate(zip(cells.images, fields, strict=True))
                if not _is_whole(field, spec)
            }
            for done, job in enumerate(as_completed(jobs), start=1):
                row = jobs[job]
                try:
                    job.result()
                except DiskFullError:
                    raise
                except InputError as error:
                    problems[row] = Problem(cells.images[row].image_id, str(error))
                on_progress(done, len(jobs))
        finally:
            pool.shutdown(cancel_futures=True)
        if problems:
            raise DataError(f"fields ({split})", [problem for _, problem in sorted(problems.items())])
        return StoredFields(fields, spec, stride)

    def _place(self, image: StoredImage, spec: FieldSpec, stride: int) -> StoredField:
        what = {"label_map": image.label_map.stem, "field": spec.fingerprint(), "stride": spec.grid_of(stride)}
        key = digest_of_values(what)
        name = self.folder / "fields" / key[:2] / key
        return StoredField(name.with_suffix(".npy"), name.with_suffix(".cells.npy"), image.cell_count)


def _make(
    source: ImageSource, split: Split, image: StoredImage, field: StoredField, spec: FieldSpec, stride: int
) -> None:
    """Read, shrink, lay over the grid, and write; the shares last: where they are, the planes are whole."""
    read = source.read(image.image_id, split)
    coverage = coverage_of(read_segmentation(image.label_map).cells, spec, stride)
    cell, row, column = np.nonzero(coverage)
    entries = np.empty(len(cell), _ENTRY)
    entries["cell"], entries["place"], entries["share"] = cell, row * coverage.shape[2] + column, coverage[coverage > 0]
    for path, array in ((field.planes, shown_field(read, spec)), (field.entries, entries)):
        with whole_file(path, array.nbytes) as file:
            np.save(file, array, allow_pickle=False)


def _is_whole(field: StoredField, spec: FieldSpec) -> bool:
    """Tell whether both files are there and decodable as far as their headers tell."""
    try:
        planes = np.load(field.planes, mmap_mode="r", allow_pickle=False)
        entries = np.load(field.entries, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False
    return planes.shape == (len(spec.channels), spec.side_px, spec.side_px) and entries.dtype == _ENTRY


def _read(path: Path) -> Shaped[np.ndarray, "*axes"]:
    try:
        array: Shaped[np.ndarray, "*axes"] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: a stored field cannot be read ({error}); run the same command again, it will be made anew."
        ) from error
    return array
