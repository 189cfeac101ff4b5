"""What was found in one tile, as a file of its own: a killed run goes on behind the last one that is whole."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Int32

from hpa.core.sealed_file import read_sealed, write_sealed
from hpa.core.windows import Window


@dataclass(frozen=True)
class TilePart:
    """The cells that begin in a tile, and those that nearly do.

    Attributes:
        window: Of the image; holds all of them.
        cells: Their label map there: 1 to `owned` belong to the tile, further ones lie just outside.
        nuclei: Their nuclei, None where the segmenter finds none.
        owned: How many belong to the tile.
        cut: How many of these are larger than what was seen.
        measured: A row for each, None where nothing is measured.
    """

    window: Window
    cells: Int32[np.ndarray, "height width"]
    nuclei: Bool[np.ndarray, "height width"] | None
    owned: int
    cut: int = 0
    measured: pa.Table | None = None

    @property
    def count(self) -> int:
        """Return the number of cells, those outside the tile included."""
        return int(self.cells.max(initial=0))


def empty_part(tile: Window) -> TilePart:
    """Return the part of a tile in which nothing was found."""
    window = Window(tile.top, tile.left, tile.top, tile.left)
    return TilePart(window, np.zeros((0, 0), np.int32), None, 0)


def write_tile_part(path: Path, part: TilePart) -> None:
    """Write a part, whole or not at all.

    Raises:
        WriteError: If the disk is full or the folder read-only.
    """
    arrays = {
        "numbers": np.array([*part.window, part.owned, part.cut], np.int64),
        "cells": part.cells.astype(np.uint16) if part.count < 1 << 16 else part.cells,
    }
    if part.nuclei is not None:
        arrays["nuclei"] = np.packbits(part.nuclei)
    if part.measured is not None:
        table = io.BytesIO()
        pq.write_table(part.measured, table)
        arrays["measured"] = np.frombuffer(table.getvalue(), np.uint8)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # its keywords are names here
    write_sealed(path, content.getvalue())


def read_tile_part(path: Path) -> TilePart:
    """Read what `write_tile_part` wrote.

    Raises:
        DamagedFileError: If the file is missing, cut short or changed.
    """
    with np.load(io.BytesIO(read_sealed(path)), allow_pickle=False) as arrays:
        cells = arrays["cells"].astype(np.int32)
        nuclei = measured = None
        if "nuclei" in arrays:
            nuclei = np.unpackbits(arrays["nuclei"], count=cells.size).reshape(cells.shape).astype(bool)
        if "measured" in arrays:
            measured = pq.read_table(io.BytesIO(arrays["measured"].tobytes()))
        *edges, owned, cut = arrays["numbers"].tolist()
    return TilePart(Window(*edges), cells, nuclei, owned, cut, measured)
