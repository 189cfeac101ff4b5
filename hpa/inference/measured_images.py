"""Measurements beside label maps (`hpa segment --measure`): one table an image, then one of all.

`<folder>/measurements/<ID>.parquet` is written with each label map, so that a run that was killed goes on; an image is
measured again where its label map is newer, e.g. corrected by hand, or other settings are given.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int32

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.whole_file import whole_file
from hpa.formats.parquet_table import CHECKSUMS, VERIFIED
from hpa.inference.exports.cell_places import places_of
from hpa.measurements.cells import CellMeasures

FOLDER = "measurements"
_SETTINGS = b"hpa.measurements"
"""Key of a file's metadata that holds the settings."""


class MeasuredImages:
    """Writes the measurements of images.

    Args:
        folder: Folder of the label maps.
        measurements: What is measured.
    """

    def __init__(self, folder: Path, measurements: CellMeasures) -> None:
        self._folder = folder / FOLDER
        self._measurements = measurements
        self._settings = json.dumps(measurements.settings(), sort_keys=True).encode()

    @property
    def table(self) -> Path:
        """Return the file of all images."""
        return self._folder.with_suffix(".parquet")

    def paths(self, image_ids: Sequence[str]) -> list[Path]:
        """Return all files that are written for images."""
        return [self.table, *map(self._path, image_ids)]

    def is_current(self, image_id: str, label_map: Path) -> bool:
        """Return whether an image is measured, with these settings and since its label map was written."""
        path = self._path(image_id)
        if not path.is_file() or path.stat().st_mtime_ns < label_map.stat().st_mtime_ns:
            return False
        try:
            metadata = pq.read_schema(path).metadata or {}
        except (OSError, pa.ArrowException):  # damaged: written again
            return False
        return metadata.get(_SETTINGS) == self._settings

    def write(self, field: Field, segmentation: Segmentation, is_one_file: bool) -> None:
        """Measure an image and write its table.

        Args:
            field: The image.
            segmentation: Its cells.
            is_one_file: Whether all planes come of one file: equal ones are then a grey image, measured once.

        Raises:
            WriteError: If the disk is full or the folder read-only.
        """
        shown = _with_distinct_channels(field) if is_one_file else field
        table = measured_table(shown, segmentation, self._measurements)
        table = table.replace_schema_metadata({_SETTINGS: self._settings})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **CHECKSUMS)
        with whole_file(self._path(field.image_id), buffer.tell()) as file:
            file.write(buffer.getvalue())

    def join(self, image_ids: Sequence[str]) -> int:
        """Write one table of the images that are measured, and return how many these are.

        Columns of channels that an image lacks are empty in its rows.

        Raises:
            WriteError: If the disk is full or the folder read-only.
        """
        paths = [path for path in map(self._path, image_ids) if path.is_file()]
        if not paths:
            return 0
        schema = pa.unify_schemas([pq.read_schema(path).remove_metadata() for path in paths])
        with whole_file(self.table) as file, pq.ParquetWriter(file, schema, **CHECKSUMS) as writer:
            for path in paths:
                table = self._read(path)
                columns = [
                    table[name] if name in table.column_names else pa.nulls(len(table), schema.field(name).type)
                    for name in schema.names
                ]
                writer.write_table(pa.table(columns, schema=schema))
        return len(paths)

    @staticmethod
    def _read(path: Path) -> pa.Table:
        try:
            return pq.read_table(path, **VERIFIED)
        except (OSError, pa.ArrowException) as error:
            raise InputError(
                f"{path}: the measurements of an image cannot be read ({error}); delete the file and run the same "
                "command again."
            ) from error

    def _path(self, image_id: str) -> Path:
        return self._folder / f"{image_id}.parquet"


def measured_table(field: Field, segmentation: Segmentation, measurements: CellMeasures) -> pa.Table:
    """Return places and measurements, a row for each cell 1..n of a field."""
    places = places_of(field, segmentation.cells)
    measured = measurements.measure(field, segmentation)
    return pa.table(places | {name: pa.array(values.astype(np.float32)) for name, values in measured.items()})


def with_kept_cells(found: Segmentation, kept: Int32[np.ndarray, "height width"]) -> Segmentation:
    """Return cells that were kept, perhaps corrected, with the nuclei that a segmenter finds in them."""
    return Segmentation(kept, None if found.nuclei is None else np.where(found.nuclei > 0, kept, 0).astype(np.int32))


def _with_distinct_channels(field: Field) -> Field:
    """Return a field whose only plane stands for several channels as one of a single grey channel."""
    if len(field.channels) > 1 and all(np.array_equal(plane, field.pixels[0]) for plane in field.pixels[1:]):
        return Field(field.image_id, field.pixels[:1], ("grey",), field.pixel_um)
    return field
