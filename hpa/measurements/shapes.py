"""Size and shape of each cell, as scikit-image defines them: moments, convex hull, perimeter.

The perimeter weighs the pixels of a border by how it goes on from them (Benkrid and Crookes, Design and FPGA
Implementation of a Perimeter Estimator, 2000; as in scikit-image and CellProfiler): 5 % too long for a disc.
The convex hull is that of the pixels as squares: a rectangle has solidity 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Integer

from hpa.measurements.pixel_runs import PixelRuns

_SQRT2 = 2**0.5
_OF_CONFIGURATION = np.zeros(50)
"""Length that a border pixel stands for, by 1 + 2 × border pixels beside it + 10 × those at its corners."""
_OF_CONFIGURATION[[5, 7, 15, 17, 25, 27]] = 1
_OF_CONFIGURATION[[21, 33]] = _SQRT2
_OF_CONFIGURATION[[13, 23]] = (1 + _SQRT2) / 2
_BESIDE = ((-1, 0), (0, -1), (0, 1), (1, 0))
_AT_CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))

PerCell = Float64[np.ndarray, " cell"]


@dataclass(frozen=True)
class Shapes:
    """Of each number 1..n; NaN, and area 0, where it has no pixel.

    Attributes:
        area_px: Pixels.
        centroid_px: Mean row and column.
        axis_major_px: Length of the major axis of the ellipse with the same second moments.
        axis_minor_px: Length of its minor axis.
        eccentricity: Of that ellipse: 0 of a circle, towards 1 of a line.
        solidity: Area over area of the convex hull.
    """

    area_px: PerCell
    centroid_px: Float64[np.ndarray, "cell 2"]
    axis_major_px: PerCell
    axis_minor_px: PerCell
    eccentricity: PerCell
    solidity: PerCell


def shapes_of(runs: PixelRuns) -> Shapes:
    """Return the shape of each number of an image."""
    area = runs.areas_px()
    left, length, row = runs.left_px.astype(np.float64), runs.lengths_px.astype(np.float64), runs.rows
    last = left + length - 1
    sum_x = length * (left + last) / 2
    # sums of squares up to a number have a closed form
    sum_xx = (_sum_of_squares(last) - _sum_of_squares(left - 1)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = runs.total(sum_x) / area, runs.total(row * length) / area
        xx = np.maximum(runs.total(sum_xx) / area - x**2, 0)
        yy = np.maximum(runs.total(row.astype(np.float64) ** 2 * length) / area - y**2, 0)
        xy = runs.total(row * sum_x) / area - x * y
        middle, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        major, minor = middle + spread, np.maximum(middle - spread, 0)
        eccentricity = np.sqrt(np.maximum(1 - minor / np.where(major > 0, major, 1), 0)) * (major > 0)
        solidity = area / _hull_areas_px(runs)
    return Shapes(
        area_px=area,
        centroid_px=np.stack([y, x], axis=1),
        axis_major_px=4 * np.sqrt(major),
        axis_minor_px=4 * np.sqrt(minor),
        eccentricity=np.where(area > 0, eccentricity, np.nan),
        solidity=solidity,
    )


def _sum_of_squares(last: PerCell) -> PerCell:
    return last * (last + 1) * (2 * last + 1) / 6


def _hull_areas_px(runs: PixelRuns) -> PerCell:
    """Return the area of the convex hull of each number, NaN where it has no pixel."""
    inside = runs.numbers > 0
    number, row, left = runs.numbers[inside], runs.rows[inside], runs.left_px[inside]
    right = left + runs.lengths_px[inside]
    order = np.lexsort((row, number))
    number, row, left, right = number[order], row[order], left[order], right[order]
    # of every row of a cell only its ends can lie on the hull
    firsts = np.flatnonzero((np.diff(number, prepend=-1) != 0) | (np.diff(row, prepend=-1) != 0))
    areas = np.full(runs.count, np.nan)
    if not len(firsts):
        return areas
    number, row = number[firsts], row[firsts]
    left, right = np.minimum.reduceat(left, firsts), np.maximum.reduceat(right, firsts)
    corners = np.stack([left, row, right, row, left, row + 1, right, row + 1], axis=1).reshape(-1, 4, 2)
    begins = np.flatnonzero(np.diff(number, prepend=-1))
    for begin, end in zip(begins, [*begins[1:], len(number)], strict=True):  # a hull is found cell by cell
        points = corners[begin:end].reshape(-1, 2).astype(np.int32)
        areas[number[begin] - 1] = cv2.contourArea(cv2.convexHull(points))
    return areas


@dataclass(frozen=True)
class Outlines:
    """Borders of the cells of a field, and what lies beyond them.

    Attributes:
        perimeter_px: Of each cell.
        neighbours: Cells that touch each cell, also at a corner.
        contact_share: Share of the pixels of the border that touch another cell.
    """

    perimeter_px: PerCell
    neighbours: Int64[np.ndarray, " cell"]
    contact_share: PerCell


def outlines_of(cells: Integer[np.ndarray, "height width"], count: int) -> Outlines:
    """Return the outline of each cell 1..count; a cell without a pixel has perimeter 0."""
    framed = np.pad(cells, 1)
    width = framed.shape[1]
    flat = framed.ravel()
    place = np.flatnonzero(_is_border(framed))
    own = flat[place]
    border = np.zeros(flat.shape, bool)
    border[place] = True
    configuration = np.ones(len(place), np.int64)
    touches = np.zeros(len(place), bool)
    pairs: list[Int64[np.ndarray, " pair"]] = []
    for steps, weight in ((_BESIDE, 2), (_AT_CORNERS, 10)):
        for down, right in steps:
            beside = place + down * width + right
            number = flat[beside]
            configuration += weight * (border[beside] & (number == own))
            other = (number != own) & (number > 0)
            touches |= other
            pairs.append(np.unique(own[other].astype(np.int64) * (count + 1) + number[other]))
    touching = np.unique(np.concatenate(pairs)) // (count + 1)
    borders = np.bincount(own, minlength=count + 1)[1:]
    in_contact = np.bincount(own[touches], minlength=count + 1)[1:]
    return Outlines(
        perimeter_px=np.bincount(own, _OF_CONFIGURATION[configuration], minlength=count + 1)[1:].astype(np.float64),
        neighbours=np.bincount(touching, minlength=count + 1)[1:],
        contact_share=np.where(borders > 0, in_contact / np.maximum(borders, 1), np.nan),
    )


def _is_border(framed: Int32[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Mark the pixels of cells that have another number beside them; the outermost rows and columns are background."""
    border = np.zeros(framed.shape, bool)
    middle = framed[1:-1, 1:-1]
    inner = border[1:-1, 1:-1]
    for down, right in _BESIDE:
        rows = slice(1 + down, framed.shape[0] - 1 + down)
        columns = slice(1 + right, framed.shape[1] - 1 + right)
        inner |= middle != framed[rows, columns]
    inner &= middle > 0
    return border
