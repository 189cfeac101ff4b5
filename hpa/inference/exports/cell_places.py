"""Where each cell lies, as the first columns of every table of cells.

Places follow scikit-image and napari: a pixel's centre is a whole number, boxes leave out their last row and column.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int32, Int64, Integer

from hpa.core.field import Field
from hpa.core.label_map import areas_of, boxes_of, edge_contact_of, mask_in_box

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


def places_of(field: Field, cells: Int32[np.ndarray, "height width"]) -> dict[str, pa.Array]:
    """Return the columns of `MEASURES` of the cells of a field."""
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
