"""`hpa segment` on one image that does not fit into memory: tiles as files, then label maps and a table in parts.

A tile is written whole or not at all, so that a killed run goes on behind it; label maps and table are made of the
tiles at the end, so that they are the same bytes whatever was interrupted.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int32, Int64
from tqdm import tqdm

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.outputs import check_outputs, output_file
from hpa.core.sealed_file import DamagedFileError
from hpa.core.whole_file import remove, remove_orphans, whole_file, whole_folder
from hpa.core.windows import TileGrid
from hpa.formats.field_windows import FieldWindows
from hpa.formats.parquet_table import CHECKSUMS
from hpa.inference.label_maps import COMMAND
from hpa.inference.large.label_pyramid import write_label_pyramid
from hpa.inference.large.seams import TileParts, painted, taken_cells
from hpa.inference.large.tile_part import TilePart, empty_part, read_tile_part, write_tile_part
from hpa.inference.large.tile_work import Measure, TileWork
from hpa.inference.measured_images import FOLDER as MEASUREMENTS
from hpa.inference.measured_images import measured_table
from hpa.interfaces import Segmenter
from hpa.measurements.cells import CellMeasures
from hpa.segmenters.windows import windows_of

TILES = "tiles"
"""Folder of unfinished images."""
DEFAULT_TILE_PX = 2048
_SETTINGS = "settings.json"


@dataclass(frozen=True)
class LargeOutput:
    """Where the cells of large images go, and how they are found.

    Attributes:
        folder: For `<ID>.zarr`, `measurements/<ID>.parquet`, and `tiles/<ID>/` until an image is finished.
        tile_px: Side of a tile, None for `DEFAULT_TILE_PX`.
        overlap_px: How far beyond a tile is seen, None for what the segmenter needs.
        measures: What is measured of each cell, None for nothing.
        overwrite: Whether a finished image is made again.
    """

    folder: Path
    tile_px: int | None = None
    overlap_px: int | None = None
    measures: CellMeasures | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.tile_px is not None and self.tile_px < 64:
            raise InputError(f"--tile {self.tile_px}: tiles of 64 px or more are expected.")
        if self.overlap_px is not None and self.overlap_px < 0:
            raise InputError(f"--overlap {self.overlap_px}: 0 px or more are expected.")

    def labels(self, image_id: str) -> Path:
        """Return the folder of the label maps of an image."""
        return self.folder / f"{image_id}.zarr"

    def table(self, image_id: str) -> Path:
        """Return the file of the measurements of an image."""
        return self.folder / MEASUREMENTS / f"{image_id}.parquet"

    def tiles(self, image_id: str) -> Path:
        """Return the folder of the tiles of an image that is not finished."""
        return self.folder / TILES / image_id

    def require_free(self, image: FieldWindows) -> None:
        """Do nothing where the image may be written about.

        Raises:
            InputError: If that would be written over the image, or over a table of others.
        """
        if self.folder.resolve() in {file.path.parent.resolve() for file in image.files}:
            raise InputError(f"{self.folder}: is the folder of the images; choose another one for their label maps.")
        if self.measures is not None:
            check_outputs([self.table(image.image_id)], COMMAND, overwrite=self.overwrite)


@dataclass(frozen=True)
class LargeResult:
    """What came of one image.

    Attributes:
        cells: How many were found.
        tiles: How many tiles it has.
        tile_px: Their side.
        overlap_px: How far beyond them was seen.
        cut: Cells that are larger than the largest window.
        is_exact: Whether levels and grids were those of the whole image.
    """

    cells: int
    tiles: int
    tile_px: int
    overlap_px: int
    cut: int
    is_exact: bool


def segment_large(
    image: FieldWindows,
    segmenter: Segmenter,
    settings: dict[str, Any],
    output: LargeOutput,
) -> LargeResult:
    """Write the label maps of an image, and the table of its cells where they are measured.

    Args:
        image: The image.
        segmenter: What finds the cells.
        settings: How the image is read, as plain types.
        output: Where they go.

    Raises:
        InputError: If the image cannot be read, or the folder holds tiles of other settings.
        WriteError: If the disk is full or the folder read-only; tiles that were written are kept.
    """
    output.require_free(image)
    tile_px = output.tile_px or DEFAULT_TILE_PX
    knows = windows_of(segmenter, image, tile_px)
    overlap_px = knows.overlap_px if output.overlap_px is None else output.overlap_px
    grid = TileGrid(image.height, image.width, tile_px)
    folder = output.tiles(image.image_id)
    measures = None if output.measures is None else output.measures.settings()
    _claim(
        folder,
        {"segmenter": segmenter.fingerprint(), "images": settings, "tile_px": tile_px, "overlap_px": overlap_px}
        | {"measurements": measures, "image": _identity(image)},
    )
    work = TileWork(image, knows, grid, overlap_px, _measure_of(image, output.measures))
    for number in tqdm(range(grid.tiles), unit="tile", leave=False, disable=not sys.stderr.isatty()):
        _make(folder / f"{number:06d}.part", work, number)
    parts = TileParts(grid, lambda number: _read(folder / f"{number:06d}.part", grid, number))
    taken = taken_cells(parts)
    firsts = [0, *np.cumsum([len(cells) for cells in taken]).tolist()]
    if output.measures is not None:
        _write_table(output.table(image.image_id), parts, taken, firsts)
    _write_labels(output.labels(image.image_id), parts, taken, firsts, image.pixel_um)
    shutil.rmtree(folder)
    return LargeResult(firsts[-1], grid.tiles, tile_px, overlap_px, parts.cut, knows.is_exact)


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Note what makes the tiles in a folder.

    Raises:
        InputError: If those that are there were made otherwise.
    """
    path, text = folder / _SETTINGS, json.dumps(settings, indent=1, sort_keys=True)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise InputError(
            f"{folder}: holds tiles of this image with another segmenter or other settings, or the image has changed "
            f"({path.name}); repeat the command that made them, or delete this folder."
        )
    with whole_file(path, len(text)) as file:
        file.write(text.encode())


def _identity(image: FieldWindows) -> list[Any]:
    """Return what shows that an image is the same when a run goes on."""
    facts = [(file.path.name, file.path.stat()) for file in image.files]
    return [image.height, image.width, image.channels, [[name, stat.st_size, stat.st_mtime_ns] for name, stat in facts]]


def _make(path: Path, work: TileWork, number: int) -> None:
    """Write the part of a tile that has none; of an empty one nothing is written."""
    if path.is_file():
        try:
            read_tile_part(path)
            return
        except DamagedFileError:  # made again
            path.unlink(missing_ok=True)
    part = work.part(number)
    if part.count:
        write_tile_part(path, part)


def _read(path: Path, grid: TileGrid, number: int) -> TilePart:
    return read_tile_part(path) if path.is_file() else empty_part(grid.tile(number))


def _measure_of(image: FieldWindows, measures: CellMeasures | None) -> Measure | None:
    if measures is None:
        return None
    is_grey = len(set(image.planes)) == 1

    def measure(field: Field, cells: Segmentation) -> pa.Table:
        shown = Field(field.image_id, field.pixels[:1], ("grey",), field.pixel_um) if is_grey else field
        return measured_table(shown, cells, measures)

    return measure


def _write_table(path: Path, parts: TileParts, taken: list[Int64[np.ndarray, " _"]], firsts: list[int]) -> None:
    """Write a row for each cell, tile by tile, in the order of their numbers."""
    filled = [number for number, cells in enumerate(taken) if len(cells)]
    if not filled:
        path.unlink(missing_ok=True)
        return
    with output_file(path, COMMAND) as file:
        writer: pq.ParquetWriter | None = None
        for number in filled:
            rows = parts.part(number).measured
            assert rows is not None  # of a run that measures
            rows = rows.take(taken[number] - 1)
            numbers = pa.array(np.arange(firsts[number] + 1, firsts[number + 1] + 1), pa.int32())
            rows = rows.set_column(rows.schema.get_field_index("cell"), "cell", numbers)
            writer = writer or pq.ParquetWriter(file, rows.schema, **CHECKSUMS)
            writer.write_table(rows)
        assert writer is not None
        writer.close()


def _write_labels(
    path: Path, parts: TileParts, taken: list[Int64[np.ndarray, " _"]], firsts: list[int], pixel_um: float
) -> None:
    has_nuclei = any(parts.part(number).nuclei is not None for number, cells in enumerate(taken) if len(cells))

    def paint(number: int) -> dict[str, Int32[np.ndarray, "height width"]]:
        cells, nuclei = painted(parts, taken, firsts, parts.grid.tile(number))
        if not cells.any():
            return {}
        return {"cells": cells} if nuclei is None else {"cells": cells, "nuclei": np.where(nuclei, cells, 0)}

    remove_orphans(path)
    remove(path)
    with whole_folder(path) as folder:
        names = ["cells", "nuclei"] if has_nuclei else ["cells"]
        write_label_pyramid(folder, names, parts.grid, pixel_um, paint)
