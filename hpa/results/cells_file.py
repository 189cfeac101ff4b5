"""The cells of `also=cells`: confidences, measurements and features in a Parquet file, outlines beside it.

Outlines come from `<submission>.label_maps/cells/` (`also=label_maps`) where that is there, else from the submission.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float32, Int32

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.label_map import labels_of
from hpa.formats.parquet_table import MAX_VALUES, VERIFIED
from hpa.inference.exports.cell_rows import CONFIDENCE_PREFIX, FEATURE_PREFIX
from hpa.results.found_cells import CellTable, FoundCells, Mask, ReadsImages
from hpa.results.label_maps import LabelMapCells
from hpa.results.submission import SubmissionCells

SUFFIX = ".cells.parquet"
_PIECE = 4096
_MAX_COLUMNS = 1 << 16
_PLACES = ("image", "cell", "top_px", "left_px", "bottom_px", "right_px", "centroid_y_px", "centroid_x_px", "pixel_um")


class CellsFile:
    """Cells of a table that `also=cells` wrote.

    Args:
        path: The table.
        images: Its images.

    Raises:
        InputError: If it is no such table.
    """

    def __init__(self, path: Path, images: ReadsImages) -> None:
        self._path, self._images = path, images
        with self._explained():
            facts = pq.read_metadata(path)
            schema = facts.schema.to_arrow_schema()
        names = schema.names
        self._features = [name for name in names if name.startswith(FEATURE_PREFIX) and name[2:].isdecimal()]
        # features are read in pieces, all else at once
        if facts.num_columns > _MAX_COLUMNS or facts.num_rows * (len(names) - len(self._features)) > MAX_VALUES:
            raise InputError(f"{path}: {facts.num_rows:,} rows of {facts.num_columns:,} columns are no table of cells.")
        self.class_names = tuple(
            name.removeprefix(CONFIDENCE_PREFIX) for name in names if name.startswith(CONFIDENCE_PREFIX)
        )
        if not self.class_names or not {"image", "cell"} <= set(names):
            raise InputError(
                f"{path}: columns image, cell and {CONFIDENCE_PREFIX}<class> are expected, as of also=cells."
            )
        others = {*_PLACES, *self.class_names, *self._features}
        self._measured = [
            name
            for name in names
            if name not in others and not name.startswith(CONFIDENCE_PREFIX) and _is_number(schema.field(name).type)
        ]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of a damaged file into words."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # damaged bytes make Arrow fail in any way
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"{self._path}: a table of also=cells was expected ({reason}); write it again (also=cells)."
            ) from error

    def table(self) -> CellTable:
        """Read all cells, without features.

        Raises:
            InputError: If the file is damaged.
        """
        with self._explained():
            return self._table()

    def _table(self) -> CellTable:
        file = pq.ParquetFile(self._path, memory_map=True, **VERIFIED)
        image_ids, image, number = self._listed
        confidences = np.empty((len(image), len(self.class_names)), np.float32)
        for index, name in enumerate(self.class_names):
            confidences[:, index] = _column(file, CONFIDENCE_PREFIX + name)
        if np.isinf(confidences).any():
            raise InputError(f"{self._path}: a confidence is infinite; write it again (also=cells).")
        return CellTable(
            image_ids,
            image,
            number,
            confidences,
            measurements={name: _column(file, name) for name in self._measured},
        )

    def features(self) -> Iterator[Float32[np.ndarray, "cell feature"]]:
        """Yield the features of the cells in pieces of bounded size, in the order of the table."""
        # not mapped: pages of a large file would count as memory of the process
        file = pq.ParquetFile(self._path, memory_map=False, pre_buffer=False, **VERIFIED)
        for batch in file.iter_batches(_PIECE, columns=self._features):
            yield np.stack([_floats(column) for column in batch.columns]).T

    @property
    def feature_count(self) -> int:
        """Count the features of a cell."""
        return len(self._features)

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""
        return self._images.read(image_id)

    def masks(self, image_id: str) -> Iterator[Mask]:
        """Return the masks of an image's cells; those of its label map that are not in the table are left out."""
        cells = self.label_map(image_id)
        return (cells == number for number in self._numbers_in(image_id))

    def label_map(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Return the cells of an image.

        Raises:
            InputError: If they cannot be read, or lack a cell of the table.
        """
        cells = self._outlines.label_map(image_id)
        missing = np.setdiff1d(self._numbers_in(image_id), labels_of(cells))
        if len(missing):
            raise InputError(
                f"{self._path}: cell {missing[0]} of image {image_id} has no outline: the outlines beside the table "
                "are of another segmentation; write both again (also=[cells,label_maps])."
            )
        return cells

    @cached_property
    def _listed(self) -> tuple[tuple[str, ...], Int32[np.ndarray, " cell"], Int32[np.ndarray, " cell"]]:
        """Every image, and the image and number of each cell."""
        with self._explained():
            read = pq.ParquetFile(self._path, memory_map=True, **VERIFIED).read(["image", "cell"])
            coded = read["image"].combine_chunks().dictionary_encode()
            image = np.asarray(coded.indices, np.int32)
            number = np.asarray(read["cell"].to_numpy(), np.int32)
        if np.any(np.diff(image) < 0):
            raise InputError(f"{self._path}: the cells of an image must stand together; sort the table by image.")
        if np.any((np.diff(number) <= 0) & (np.diff(image) == 0)):
            raise InputError(
                f"{self._path}: the numbers of the cells of an image must ascend; sort the table by image and cell."
            )
        return tuple(coded.dictionary.to_pylist()), image, number

    def _numbers_in(self, image_id: str) -> Int32[np.ndarray, " cell"]:
        image_ids, image, number = self._listed
        if image_id not in image_ids:
            return np.zeros(0, np.int32)
        place = image_ids.index(image_id)
        start, end = np.searchsorted(image, [place, place + 1])  # those of an image stand together
        return number[start:end]

    @cached_property
    def _outlines(self) -> FoundCells:
        stem = self._path.name.removesuffix(SUFFIX)
        maps, submission = (self._path.with_name(stem + end) for end in (".label_maps", ".csv"))
        if (maps / "cells").is_dir():
            return LabelMapCells(maps / "cells", self._images)
        if submission.is_file():
            return SubmissionCells(submission, self._images, self.class_names)
        raise InputError(f"{self._path}: the outlines are missing; {maps} or {submission} must lie beside it.")


def _column(file: pq.ParquetFile, name: str) -> Float32[np.ndarray, " cell"]:
    """Return one column: of all at once, the memory would be several times that of the result."""
    return _floats(file.read([name])[name])


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _floats(column: pa.ChunkedArray | pa.Array) -> Float32[np.ndarray, " cell"]:
    return np.asarray(pc.cast(column, pa.float32()).to_numpy(zero_copy_only=False), np.float32)
