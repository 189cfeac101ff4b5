"""Label maps: (height, width) integer images, 0 background, each cell its own number; int32: any number of cells."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, Int32, Int64, Integer
from scipy import ndimage

from hpa.core.errors import InputError


def labels_of(label_map: Integer[np.ndarray, "height width"]) -> Int64[np.ndarray, " cell"]:
    """Return the numbers of the cells in ascending order, background left out.

    Raises:
        InputError: If a number is negative.
    """
    if label_map.size == 0:
        return np.empty(0, np.int64)
    if label_map.min() < 0:
        raise InputError(
            f"a label map holds 0 and positive numbers, this one goes down to {label_map.min()}; "
            "was it made by an algorithm that marks borders with -1? Set those pixels to 0."
        )
    # counting is five times faster than sorting, unless a few huge numbers would make the table larger than the image
    if label_map.max() <= label_map.size:
        found = np.flatnonzero(np.bincount(label_map.ravel()))
    else:
        found = np.unique(label_map)
    return found[found > 0].astype(np.int64)


def relabel(label_map: Integer[np.ndarray, "height width"]) -> Int32[np.ndarray, "height width"]:
    """Return the map with its cells numbered 1..n without gaps, their order kept.

    Raises:
        InputError: If a number is negative.
    """
    labels = labels_of(label_map)
    if len(labels) == 0 or labels[-1] == len(labels):
        return label_map.astype(np.int32)
    if labels[-1] > label_map.size:
        return np.searchsorted(np.concatenate([[0], labels]), label_map).astype(np.int32)
    new_number = np.zeros(labels[-1] + 1, np.int32)
    new_number[labels] = np.arange(1, len(labels) + 1)
    return new_number[label_map]


def boxes_of(label_map: Integer[np.ndarray, "height width"]) -> Int64[np.ndarray, "cell 4"]:
    """Return the box of each cell 1..n as (top, left, bottom, right) in px, bottom and right not included.

    Raises:
        InputError: If the numbers have gaps.
    """
    found = ndimage.find_objects(label_map)
    missing = [number for number, box in enumerate(found, start=1) if box is None]
    if missing:
        raise InputError(
            f"cells must be numbered 1..n without gaps, number {missing[0]} has no pixel; use relabel first."
        )
    edges = [(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in found]
    return np.array(edges, np.int64).reshape(-1, 4)


def areas_of(label_map: Integer[np.ndarray, "height width"]) -> Int64[np.ndarray, " cell"]:
    """Return the area of each cell 1..n in px; a number without a pixel has area 0."""
    return np.bincount(label_map.ravel(), minlength=1)[1:].astype(np.int64)


def edge_contact_of(label_map: Integer[np.ndarray, "height width"]) -> Int64[np.ndarray, " cell"]:
    """Return how many pixels of each cell 1..n lie in the outermost rows and columns; corners count once."""
    number_of_cells = int(label_map.max(initial=0))
    inner = np.zeros(label_map.shape, bool)
    inner[1:-1, 1:-1] = True
    return np.bincount(label_map[~inner], minlength=number_of_cells + 1)[1:].astype(np.int64)


def mask_in_box(
    label_map: Integer[np.ndarray, "height width"], cell: int, box: Int[np.ndarray, " edge"]
) -> Bool[np.ndarray, "box_height box_width"]:
    """Return the mask of one cell inside its box (a row of `boxes_of`)."""
    top, left, bottom, right = box
    return label_map[top:bottom, left:right] == cell
