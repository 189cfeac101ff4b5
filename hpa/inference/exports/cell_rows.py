"""Cells as rows of a table: where each lies, its measurements, its probabilities, its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64

from hpa.core.errors import InputError
from hpa.inference.exports.cell_places import MEASURES, places_of
from hpa.interfaces import CellRecord
from hpa.measurements.cells import CellMeasures

CONFIDENCE_PREFIX = "confidence_"
FEATURE_PREFIX = "f_"


@dataclass(frozen=True)
class CellRows:
    """The cells of one image as columns.

    Attributes:
        measures: The columns of `MEASURES`.
        measured: The columns of `CellMeasures`.
        probabilities: Of the network, before fusion and rules.
        confidences: What stands in the submission.
        features: The penultimate layer.
    """

    measures: dict[str, pa.Array]
    measured: dict[str, Float64[np.ndarray, " cell"]]
    probabilities: Float32[np.ndarray, "cell class"]
    confidences: Float32[np.ndarray, "cell class"]
    features: Float32[np.ndarray, "cell feature"]

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.probabilities)


def rows_of(record: CellRecord, measurements: CellMeasures | None = None) -> CellRows:
    """Return the cells of an image; nothing of its pixels is kept."""
    field, segmentation = record.segmented.field, record.segmented.segmentation
    return CellRows(
        places_of(field, segmentation.cells),
        {} if measurements is None else measurements.measure(field, segmentation),
        record.prediction.probabilities.numpy(),
        np.asarray(record.confidences, np.float32),
        record.prediction.features.numpy(),
    )


def require_distinct(class_names: Sequence[str], measured: Sequence[str] = ()) -> None:
    """Refuse classes that cannot be columns of a table.

    Raises:
        InputError: If a class is named twice or as another column.
    """
    names = schema_of(class_names, 0, measured).names
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(
            f"classes become columns of the table of cells, but {', '.join(doubled)} would stand there twice; "
            "leave out this table, or name the classes otherwise in the data set."
        )


def schema_of(class_names: Sequence[str], feature_count: int, measured: Sequence[str] = ()) -> pa.Schema:
    """Return the columns: places, measurements, a probability and a confidence for each class, features."""
    scores = [*class_names, *(f"{CONFIDENCE_PREFIX}{name}" for name in class_names)]
    floats = [*measured, *scores, *(feature_name(index) for index in range(feature_count))]
    return pa.schema([*MEASURES.items(), *((name, pa.float32()) for name in floats)])


def feature_name(index: int) -> str:
    """Return the column of a feature.

    >>> feature_name(7)
    'f_007'
    """
    return f"{FEATURE_PREFIX}{index:03d}"


def table_of(rows: Sequence[CellRows], schema: pa.Schema) -> pa.Table:
    """Return the cells of several images, one below the other."""
    measures = [pa.chunked_array([image.measures[name] for image in rows], kind) for name, kind in MEASURES.items()]
    floats = [
        np.hstack(
            [*_as_columns(image.measured), image.probabilities, image.confidences, image.features], dtype=np.float32
        )
        for image in rows
    ]
    # a column of a table lies in one piece: (column, cell)
    columns = np.ascontiguousarray(np.vstack(floats).T)
    return pa.table([*measures, *map(pa.array, columns)], schema=schema)


def _as_columns(measured: dict[str, Float64[np.ndarray, " cell"]]) -> list[Float64[np.ndarray, "cell 1"]]:
    return [values[:, None] for values in measured.values()]
