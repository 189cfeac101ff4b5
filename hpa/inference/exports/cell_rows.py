"""Cells as rows of a table: where each lies, how large it is, its probabilities, its features.

Places follow scikit-image and napari: a pixel's centre is a whole number, boxes leave out their last row and column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64, Int64, Integer

from hpa.core.errors import InputError
from hpa.core.label_map import areas_of, boxes_of, edge_contact_of, mask_in_box
from hpa.interfaces import CellRecord

MEASURES: dict[str, pa.DataType] = {
    "image": pa.string(),
    "cell": pa.int32(),
    "top_px": pa.int32(),
    "left_px": pa.int32(),
    "bottom_px": pa.int32(),
    "right_px": pa.int32(),
    "area_px": pa.int64(),
    "area_um2": pa.float64(),
    "touches_edge": pa.bool_(),
    "centroid_y_px": pa.float64(),
    "centroid_x_px": pa.float64(),
    "pixel_um": pa.float64(),
}
"""The first columns, whatever the classes and the network."""
CONFIDENCE_PREFIX = "confidence_"
FEATURE_PREFIX = "f_"


@dataclass(frozen=True)
class CellRows:
    """The cells of one image as columns.

    Attributes:
        measures: The columns of `MEASURES`.
        probabilities: Of the network, before fusion and rules.
        confidences: What stands in the submission.
        features: The penultimate layer.
    """

    measures: dict[str, pa.Array]
    probabilities: Float32[np.ndarray, "cell class"]
    confidences: Float32[np.ndarray, "cell class"]
    features: Float32[np.ndarray, "cell feature"]

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.probabilities)


def rows_of(record: CellRecord) -> CellRows:
    """Return the cells of an image; nothing of its pixels is kept."""
    return CellRows(
        _measures_of(record),
        record.prediction.probabilities.numpy(),
        np.asarray(record.confidences, np.float32),
        record.prediction.features.numpy(),
    )


def require_distinct(class_names: Sequence[str]) -> None:
    """Refuse classes that cannot be columns of a table.

    Raises:
        InputError: If a class is named twice or as another column.
    """
    names = schema_of(class_names, 0).names
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(
            f"classes become columns of the table of cells, but {', '.join(doubled)} would stand there twice; "
            "leave out this table, or name the classes otherwise in the data set."
        )


def schema_of(class_names: Sequence[str], feature_count: int) -> pa.Schema:
    """Return the columns: measures, a probability and a confidence for each class, features."""
    scores = [*class_names, *(f"{CONFIDENCE_PREFIX}{name}" for name in class_names)]
    floats = [*scores, *(feature_name(index) for index in range(feature_count))]
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
    floats = [np.hstack([image.probabilities, image.confidences, image.features]) for image in rows]
    # a column of a table lies in one piece: (column, cell)
    columns = np.ascontiguousarray(np.vstack(floats).T)
    return pa.table([*measures, *map(pa.array, columns)], schema=schema)


def centroids_of(
    label_map: Integer[np.ndarray, "height width"], boxes: Int64[np.ndarray, "cell 4"]
) -> Float64[np.ndarray, "cell 2"]:
    """Return the mean row and column of each cell 1..n in px; `boxes` are those of `boxes_of`."""
    centroids = np.empty((len(boxes), 2))
    for index, box in enumerate(boxes):
        mask = mask_in_box(label_map, index + 1, box)
        for axis in (0, 1):
            counts = mask.sum(axis=1 - axis)
            centroids[index, axis] = box[axis] + (counts @ np.arange(len(counts))) / counts.sum()
    return centroids


def _measures_of(record: CellRecord) -> dict[str, pa.Array]:
    field, cells = record.segmented.field, record.segmented.segmentation.cells
    boxes, areas_px = boxes_of(cells), areas_of(cells)
    count = len(boxes)
    top, left, bottom, right = boxes.T
    y_px, x_px = centroids_of(cells, boxes).T
    columns = [
        [field.image_id] * count,
        np.arange(1, count + 1),
        *(top, left, bottom, right),
        *(areas_px, areas_px * field.pixel_um**2, edge_contact_of(cells) > 0),
        *(y_px, x_px, np.full(count, field.pixel_um)),
    ]
    return {name: pa.array(column, kind) for (name, kind), column in zip(MEASURES.items(), columns, strict=True)}
