"""Whole images at the size that networks read, made once beside the cell store and reused by every later run.

An image's files are named by the key of its label map (segmenter, settings, the image's files, pixel size), the
`FieldSpec` and the stride.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64

from hpa.cells.fields.spec import FieldSpec, coverage_of, resized_field
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.core.artifacts import ArtifactCache, make_all
from hpa.core.digest import digest_of_values
from hpa.core.errors import DataError
from hpa.core.sealed_file import SEAL_BYTES, DamagedFileError, array_layout, read_array, write_array
from hpa.formats.label_maps import read_segmentation
from hpa.interfaces import FieldBatch, ImageSource, Split
from hpa.sources.reading import read_identified

_ENTRY = np.dtype([("cell", "<i4"), ("position", "<i4"), ("share", "<f4")])
"""A cell's share in one position of the grid; positions without any are not stored."""


@dataclass(frozen=True)
class StoredField:
    """Files of a resized image and the coverage of its cells.

    Attributes:
        planes: File of the resized planes, at the bit depth of the image.
        entries: File of the shares, written last.
        cell_count: How many cells it holds.
    """

    planes: Path
    entries: Path
    cell_count: int


class StoredFields:
    """The resized images of a table, in table order; holds paths only, so it is cheap to hand to workers."""

    def __init__(self, fields: Sequence[StoredField], spec: FieldSpec, stride: int) -> None:
        self.fields = tuple(fields)
        self.spec = spec
        self.grid = spec.grid_of(stride)

    def image(self, row: int) -> Float32[np.ndarray, "channel side side"]:
        """Return the image of a row of the table, intensities in [0, 1].

        Raises:
            DamagedFileError: If the file went away, or was cut short or changed after it had been written.
        """
        planes = read_array(self.fields[row].planes)
        return planes.astype(np.float32) / np.float32(np.iinfo(planes.dtype).max)

    def coverage(self, row: int, cells: Int64[np.ndarray, " cell"]) -> Float32[np.ndarray, "cell grid grid"]:
        """Return the shares of some cells of an image, numbered from 0.

        Raises:
            DamagedFileError: If the file went away, or was cut short or changed after it had been written.
        """
        field = self.fields[row]
        entries = read_array(field.entries)
        shares = np.zeros((field.cell_count, self.grid**2), np.float32)
        shares[entries["cell"], entries["position"]] = entries["share"]
        return shares[cells].reshape(len(cells), self.grid, self.grid)

    def batch(
        self,
        images: Int64[np.ndarray, " image"],
        image_of_cell: Int64[np.ndarray, " cell"],
        cells: Int64[np.ndarray, " cell"],
    ) -> FieldBatch:
        """Return images with the coverage of their cells.

        Args:
            images: Rows of the table.
            image_of_cell: For each cell, its position in `images`.
            cells: Number of each cell in its image, from 0.

        Raises:
            DamagedFileError: If a file went away, or was cut short or changed after it had been written.
        """
        side = self.spec.side_px
        pictures = np.empty((len(images), len(self.spec.channels), side, side), np.float32)
        coverage = np.empty((len(cells), self.grid, self.grid), np.float32)
        for position, row in enumerate(images.tolist()):
            own = np.flatnonzero(image_of_cell == position)
            pictures[position], coverage[own] = self.image(row), self.coverage(row, cells[own])
        return FieldBatch(torch.from_numpy(pictures), torch.from_numpy(coverage))


class FieldStore:
    """Resized whole images in a cache that is shared by runs that want the same."""

    def __init__(self, cache: ArtifactCache) -> None:
        self.cache = cache

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
        """Return the images of stored cells, after making what the cache lacks.

        Args:
            source: Reads the images.
            split: Where `source` finds them.
            cells: Images wanted, with their label maps.
            spec: How images are resized.
            stride: Side of a position of the grid, px of the resized image.
            workers: Threads that decode, resize and write.
            on_progress: Called with (images done, all images) after each.

        Raises:
            DataError: Naming all images that could not be read; the others are in the cache by then.
            WriteError: At once, if the disk is full (with the bytes needed) or the cache cannot be written to.
        """
        self.cache.sweep("fields")
        fields = [self._place(image, spec, stride) for image in cells.images]
        jobs = {
            image.image_id: partial(_make, source, split, image, field, spec, stride)
            for image, field in zip(cells.images, fields, strict=True)
            if not _is_whole(field, spec)
        }
        _, problems = make_all(jobs, workers, on_progress)
        if problems:
            raise DataError(f"fields ({split})", problems)
        return StoredFields(fields, spec, stride)

    def _place(self, image: StoredImage, spec: FieldSpec, stride: int) -> StoredField:
        key = digest_of_values(
            {"label_map": image.label_map.stem, "field": spec.fingerprint(), "stride": spec.grid_of(stride)}
        )
        planes, entries = (self.cache.path("fields", key, suffix) for suffix in (".npy", ".cells.npy"))
        return StoredField(planes, entries, image.cell_count)


def _make(
    source: ImageSource, split: Split, image: StoredImage, field: StoredField, spec: FieldSpec, stride: int
) -> None:
    """Read, resize, lay over the grid, and write; the shares last: where they are, the planes are whole."""
    read = read_identified(source, image.image_id, split, image.identity)
    coverage = coverage_of(read_segmentation(image.label_map).cells, spec, stride)
    cell, row, column = np.nonzero(coverage)
    entries = np.empty(len(cell), _ENTRY)
    entries["cell"], entries["position"], entries["share"] = (
        cell,
        row * coverage.shape[2] + column,
        coverage[coverage > 0],
    )
    write_array(field.planes, resized_field(read, spec))
    write_array(field.entries, entries)


def _is_whole(field: StoredField, spec: FieldSpec) -> bool:
    """Return whether the shares are there and verified, and the planes have the right layout and size."""
    try:
        entries = read_array(field.entries)
        with field.planes.open("rb") as file:
            shape, dtype, start = array_layout(file)
            size = os.fstat(file.fileno()).st_size
    except (OSError, ValueError, DamagedFileError):
        return False
    expected = (len(spec.channels), spec.side_px, spec.side_px)
    is_complete = size == start + int(np.prod(expected)) * dtype.itemsize + SEAL_BYTES
    return shape == expected and is_complete and entries.dtype == _ENTRY
