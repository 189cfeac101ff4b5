"""Crops of an image on disk: one record a cell in a plain `.npy` file, and a small `.npy` table of the cells beside it.

A record holds pixels and regions of a cell side by side, so that one read at an offset fetches a cell. The format won
by measurement (docs/cell_store.md): 48 random cells in 0.7 ms, against 7 ms for cells deflated one by one (a fifth of
the bytes) and 50 to 130 ms for zarr v3 with shards. Any numpy reads it: `np.load(path)["pixels"]`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64, Shaped

from hpa.cells.crops import CellCrops
from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.core.label_map import areas_of, boxes_of, edge_contact_of
from hpa.core.whole_file import whole_file

CELL_COLUMNS = ("cell", "top", "left", "height", "width", "area_px", "edge_px", "nucleus_px")

CellMeasures = Int32[np.ndarray, "_ 8"]
"""One row a cell, the columns of `CELL_COLUMNS`."""


def measures_of(segmentation: Segmentation) -> CellMeasures:
    """Return number, box, area, edge contact and nucleus area of each cell in px; nucleus -1 where none were sought."""
    boxes = boxes_of(segmentation.cells)
    count = len(boxes)
    nuclei = np.full(count, -1)
    if segmentation.nuclei is not None:
        nuclei = np.zeros(count, np.int64)
        found = areas_of(segmentation.nuclei)[:count]
        nuclei[: len(found)] = found
    top, left, bottom, right = boxes.T
    columns = [
        *(np.arange(1, count + 1), top, left, bottom - top, right - left),
        *(areas_of(segmentation.cells), edge_contact_of(segmentation.cells), nuclei),
    ]
    return np.stack(columns, axis=1).astype(np.int32)


def write_crops(path: Path, crops: CellCrops, measures: CellMeasures) -> None:
    """Write crops, then their table: a table on disk means that its crops are complete.

    Raises:
        DiskFullError: If the disk is full.
    """
    records = np.empty(
        len(crops), record_dtype(8 * crops.pixels.itemsize, crops.pixels.shape[1], crops.pixels.shape[2])
    )
    records["pixels"] = crops.pixels
    records["regions"] = crops.regions
    for target, array in ((path, records), (table_path(path), measures)):
        with whole_file(target, array.nbytes) as file:
            np.save(file, array, allow_pickle=False)


def read_measures(path: Path) -> tuple[CellMeasures, int] | None:
    """Return the cells of an image and the bits of their pixels, or None where the files are missing or damaged."""
    try:
        measures = np.load(table_path(path), allow_pickle=False)
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            complete = os.fstat(file.fileno()).st_size == file.tell() + dtype.itemsize * shape[0]
    except (OSError, ValueError, EOFError):
        return None
    if not complete or measures.shape != (*shape, len(CELL_COLUMNS)) or measures.dtype != np.int32:
        return None
    return measures, 8 * dtype["pixels"].base.itemsize


def read_records(
    path: Path, cells: Int64[np.ndarray, " cell"], count: int, dtype: np.dtype[np.void]
) -> Shaped[np.ndarray, " cell"]:
    """Return the records of some cells of an image.

    Args:
        path: The crops of the image.
        cells: Positions in the file, from 0.
        count: How many records the file holds.
        dtype: See `record_dtype`.

    Raises:
        InputError: If the file went away or was cut short after it had been checked.
    """
    raw = np.empty((len(cells), dtype.itemsize), np.uint8)
    try:
        with path.open("rb", buffering=0) as file:
            header = os.fstat(file.fileno()).st_size - count * dtype.itemsize
            for index, cell in enumerate(cells.tolist()):
                file.seek(header + cell * dtype.itemsize)
                if file.readinto(raw[index]) != dtype.itemsize:
                    raise EOFError("file is too short")
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: stored crops cannot be read ({error}); run the same command again, they will be made anew."
        ) from error
    return raw.view(dtype)[:, 0]


def record_dtype(bits: int, channels: int, side_px: int) -> np.dtype[np.void]:
    """Return the layout of a cell on disk."""
    depth = f"<u{bits // 8}"
    return np.dtype([("pixels", depth, (channels, side_px, side_px)), ("regions", "u1", (side_px, side_px))])


def table_path(crops: Path) -> Path:
    """Return where the cells of an image's crops are listed."""
    return crops.with_suffix(".cells.npy")
