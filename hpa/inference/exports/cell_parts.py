"""The table of cells of a block as one Parquet file, and the files of all blocks read as one: bounded memory both ways.

A row group holds the cells of many images: each costs a header of some hundred bytes a column, and a network of 2,048
features has that many columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from hpa.formats.parquet_table import CHECKSUMS, VERIFIED
from hpa.inference.exports.cell_places import MEASURES
from hpa.inference.exports.cell_rows import CellRows, require_distinct, rows_of, schema_of, table_of
from hpa.interfaces import CellRecord
from hpa.measurements.cells import CellMeasures

CELLS_AT_ONCE = 4096
"""Cells in memory: 32 MB at 2,048 features."""


class CellPart:
    """Writes the cells of one block.

    Args:
        path: The file; what a killed run left there is removed. A block without images leaves no file.
        class_names: Name of each class.
        measurements: What is measured of the cells, None for nothing.
    """

    def __init__(self, path: Path, class_names: Sequence[str], measurements: CellMeasures | None = None) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._class_names = tuple(class_names)
        self._measurements = measurements
        self._waiting: list[CellRows] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, record: CellRecord) -> None:
        """Take the cells of an image.

        Raises:
            InputError: If a class is named as one of the measurements.
        """
        rows = rows_of(record, self._measurements)
        if self._writer is None and not self._waiting:
            require_distinct(self._class_names, list(rows.measured))
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= CELLS_AT_ONCE:
            self._write()

    def finish(self) -> None:
        """Write what waits, and complete the file."""
        if self._waiting:
            self._write()
        if self._writer is not None:
            self._writer.close()

    def _write(self) -> None:
        first = self._waiting[0]
        schema = schema_of(self._class_names, first.features.shape[1], list(first.measured))
        self._writer = self._writer or pq.ParquetWriter(self._path, schema, **CHECKSUMS)
        self._writer.write_table(table_of(self._waiting, schema))
        self._waiting.clear()


class CellParts:
    """The cells of several blocks, in order.

    Blocks that were predicted with fewer members, for want of time, have fewer features than the others. These are
    left empty: the columns would not mean the same.

    Attributes:
        feature_count: Features of a cell, in the block that has most.
        schema: Columns of the whole.

    Args:
        paths: Files of `CellPart`; one that is missing stands for a block without images.
        class_names: Name of each class.
        measurements: What was measured of the cells, None for nothing.
    """

    def __init__(
        self, paths: Sequence[Path], class_names: Sequence[str], measurements: CellMeasures | None = None
    ) -> None:
        self._paths = [path for path in paths if path.is_file()]
        schemas = [pq.read_schema(path) for path in self._paths]
        measured: Sequence[str] = ()
        if measurements is not None:  # which channels there are is known where there is an image
            measured = _measured_in(schemas[0], class_names) if schemas else measurements.names(())
        self._without_features = schema_of(class_names, 0, measured)
        self.feature_count = max((len(schema) - len(self._without_features) for schema in schemas), default=0)
        self.schema = schema_of(class_names, self.feature_count, measured)

    def without_features(self) -> pa.Table:
        """Return all columns but the features, all cells at once: some hundred bytes a cell."""
        tables = [pq.read_table(path, columns=self._without_features.names, **VERIFIED) for path in self._paths]
        return pa.concat_tables([self._without_features.empty_table(), *tables])

    def tables(self) -> Iterator[pa.Table]:
        """Yield the cells in pieces of bounded size."""
        for path in self._paths:
            for batch in pq.ParquetFile(path, **VERIFIED).iter_batches(CELLS_AT_ONCE):
                yield self._widened(pa.Table.from_batches([batch]))

    def write(self, file: BinaryIO) -> None:
        """Write all cells as one table, in row groups of bounded size."""
        with pq.ParquetWriter(file, self.schema, **CHECKSUMS) as writer:
            waiting: list[pa.Table] = []
            for table in self.tables():
                waiting.append(table)
                if sum(map(len, waiting)) >= CELLS_AT_ONCE:
                    writer.write_table(pa.concat_tables(waiting))
                    waiting.clear()
            if waiting:
                writer.write_table(pa.concat_tables(waiting))

    def _widened(self, table: pa.Table) -> pa.Table:
        if len(table.schema) == len(self.schema):
            return table
        empty = [pa.nulls(len(table), pa.float32())] * self.feature_count
        return pa.table([*table.columns[: len(self._without_features)], *empty], schema=self.schema)


def _measured_in(schema: pa.Schema, class_names: Sequence[str]) -> list[str]:
    """Return the columns between the places of the cells and their classes."""
    stop = len(schema) if not class_names else schema.names.index(class_names[0], len(MEASURES))
    return schema.names[len(MEASURES) : stop]
