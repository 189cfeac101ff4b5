"""Crops of an image on disk: one record a cell in a plain `.npy` file, and a small `.npy` table of the cells beside it.

A record holds pixels and regions of a cell side by side, so that one read at an offset fetches a cell, and a CRC-32 of
both, which is verified when it is read. The format was chosen by measurement (docs/cell_store.md): 48 random cells in
0.7 ms, against 7 ms for cells deflated one by one (a fifth of the bytes) and 50 to 130 ms for zarr v3 with shards. Any
numpy reads it: `np.load(path)["pixels"]`.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64, Shaped, UInt8

from hpa.cells.crops import CellCrops
from hpa.core.digest import digest_of_array
from hpa.core.field import Segmentation
from hpa.core.label_map import areas_of, boxes_of, edge_contact_of
from hpa.core.sealed_file import (
    SEAL_BYTES,
    DamagedFileError,
    array_layout,
    damaged,
    read_array,
    unreadable,
    write_array,
)

CELL_COLUMNS = ("cell", "top", "left", "height", "width", "area_px", "edge_px", "nucleus_px")
_CHECKSUM_BYTES = 4

CellMeasures = Int32[np.ndarray, "_ 8"]
"""One row a cell, the columns of `CELL_COLUMNS`."""


def measures_of(segmentation: Segmentation) -> CellMeasures:
    """Return number, box, area, edge contact and nucleus area of each cell in px; nucleus -1 without a nuclei map."""
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
    """Write crops, then their table with the checksum of each: a table on disk means that its crops are complete.

    Raises:
        WriteError: If the disk is full, or the cache cannot be written to.
    """
    dtype = record_dtype(8 * crops.pixels.itemsize, crops.pixels.shape[1], crops.pixels.shape[2])
    records = np.empty(len(crops), dtype)
    records["pixels"] = crops.pixels
    records["regions"] = crops.regions
    records["checksum"] = _checksums(records.view(np.uint8).reshape(len(records), dtype.itemsize))
    write_array(path, records)
    write_array(table_path(path), np.column_stack([measures, records["checksum"].view(np.int32)]))


def read_measures(path: Path, channels: int, side_px: int) -> tuple[CellMeasures, int, str] | None:
    """Return the cells of an image, the bits of their pixels and a digest of the crops; None where damaged.

    Of the crops only layout and size are checked; their content is verified cell by cell when it is read.
    """
    try:
        table = read_array(table_path(path))
        with path.open("rb") as file:
            shape, dtype, start = array_layout(file)
            complete = os.fstat(file.fileno()).st_size == start + dtype.itemsize * shape[0] + SEAL_BYTES
    except (OSError, ValueError, DamagedFileError):
        return None
    bits = next((bits for bits in (8, 16) if dtype == record_dtype(bits, channels, side_px)), None)
    if bits is None or not complete or table.shape != (*shape, len(CELL_COLUMNS) + 1) or table.dtype != np.int32:
        return None
    return table[:, :-1], bits, digest_of_array(table[:, -1])


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
        DamagedFileError: If the file went away, or was cut short or changed after it had been written.
    """
    raw = np.empty((len(cells), dtype.itemsize), np.uint8)
    try:
        with path.open("rb", buffering=0) as file:
            start = os.fstat(file.fileno()).st_size - count * dtype.itemsize - SEAL_BYTES
            for index, cell in enumerate(cells.tolist()):
                file.seek(max(0, start + cell * dtype.itemsize))
                if file.readinto(raw[index]) != dtype.itemsize:
                    raise damaged(path, "it is cut short")
    except OSError as error:
        raise unreadable(path, error) from error
    records: Shaped[np.ndarray, " cell"] = raw.view(dtype)[:, 0]
    wrong = np.flatnonzero(_checksums(raw) != records["checksum"])
    if len(wrong):
        raise damaged(path, f"the checksum of cell {cells[wrong[0]] + 1} differs")
    return records


def record_dtype(bits: int, channels: int, side_px: int) -> np.dtype[np.void]:
    """Return the layout of a cell on disk."""
    pixels = ("pixels", f"<u{bits // 8}", (channels, side_px, side_px))
    return np.dtype([pixels, ("regions", "u1", (side_px, side_px)), ("checksum", f"<u{_CHECKSUM_BYTES}")])


def table_path(crops: Path) -> Path:
    """Return where the cells of an image's crops are listed."""
    return crops.with_suffix(".cells.npy")


def _checksums(raw: UInt8[np.ndarray, "cell byte"]) -> Int64[np.ndarray, " cell"]:
    """Return the CRC-32 of each record without its last bytes, which hold it."""
    return np.array([zlib.crc32(record[:-_CHECKSUM_BYTES]) for record in raw], np.int64)
