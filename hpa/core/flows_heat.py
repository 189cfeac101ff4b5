"""Heat that spreads from the centre of each cell, many cells at once: the potential that flows climb.

The recurrence is Cellpose's (Stringer et al., Nature Methods 18:100, 2021): in every step the centre gets one unit of
heat, then each pixel takes the mean of its 3 x 3 neighbourhood, in which all that is not the same cell is cold. Here
it runs on cut-out cells, side by side on one sheet with cold gaps, so that a step is five additions of whole arrays.
Cells that are large begin with the solution of a copy three times smaller (diffusion over a distance three times as
short takes nine times fewer steps); a few steps at full size then mend their outlines (multigrid: Brandt, Mathematics
of Computation 31:333, 1977).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, Integer
from scipy import ndimage

_SHRINK = 3
"""Odd, so that the centre of a cell is the centre of a small pixel too."""
_MAX_DIRECT_PX = 64
"""Cells whose shorter side is longer begin on a smaller copy."""
_MENDING_STEPS = 6 * _SHRINK**2
"""Steps at full size after the copy: heat then has spread over two of its pixels."""
_UNIT = np.float32(1e30)
"""The unit of heat: near the upper end of 32 bits, for far from the centre little of it is left."""
_SETTLED = 14.0
"""Steps are enough once the slowest part of the approach to the steady state has shrunk by exp of this."""
_SHEET_PX = 1 << 15
"""Pixels worked on at once: four arrays of this size stay in a core's cache."""

Heat = Float32[np.ndarray, "height width"]


@dataclass(frozen=True)
class _Body:
    """A cut-out cell.

    Attributes:
        coverage: Share of each pixel that belongs to the cell, 0 to 1.
        centre: Row and column of the pixel that is heated.
        start: Heat at the beginning.
    """

    coverage: Heat
    centre: tuple[int, int]
    start: Heat


def heat_of(label_map: Integer[np.ndarray, "height width"]) -> Heat:
    """Return the heat in each pixel after twice as many steps as the largest cell has rows and columns; 0 outside.

    Parts of a cell that do not touch the part with its centre stay cold.

    Args:
        label_map: 0 background, cells 1..n without gaps.
    """
    heat = np.zeros(label_map.shape, np.float32)
    boxes = ndimage.find_objects(label_map)
    if not boxes:
        return heat
    bodies = []
    for number, (box, centre) in enumerate(zip(boxes, _centres_of(label_map, boxes).tolist(), strict=True), start=1):
        coverage = (label_map[box] == number).astype(np.float32)
        inside = (centre[0] - box[0].start, centre[1] - box[1].start)
        bodies.append(_Body(coverage, inside, np.zeros_like(coverage)))
    extent = max(sum(body.coverage.shape) + 2 for body in bodies)
    for box, own in zip(boxes, _heated(bodies, 2 * extent), strict=True):
        heat[box] += own  # boxes overlap, cells do not
    return heat


def _centres_of(
    label_map: Integer[np.ndarray, "height width"], boxes: Sequence[tuple[slice, slice]]
) -> Int64[np.ndarray, "cell 2"]:
    """Return for each cell the pixel (row, column) of the cell that is nearest to its centroid."""
    rows, columns = np.nonzero(label_map)
    cells = label_map[rows, columns]
    areas = np.bincount(cells)[1:]
    sums: list[Float64[np.ndarray, " cell"]] = [np.bincount(cells, places)[1:] for places in (rows, columns)]
    centres = np.rint(np.stack([total / areas for total in sums], axis=1)).astype(np.int64)
    outside = label_map[centres[:, 0], centres[:, 1]] != np.arange(1, len(areas) + 1)
    for cell in np.flatnonzero(outside).tolist():
        corner = [axis.start for axis in boxes[cell]]
        pixels = np.argwhere(label_map[boxes[cell]] == cell + 1) + corner
        centres[cell] = pixels[((pixels - centres[cell]) ** 2).sum(axis=1).argmin()]
    return centres


def _heated(bodies: Sequence[_Body], steps: int) -> list[Heat]:
    """Return the heat of each body after so many steps from its start."""
    large = [number for number, body in enumerate(bodies) if min(body.coverage.shape) > _MAX_DIRECT_PX]
    small = [number for number, body in enumerate(bodies) if min(body.coverage.shape) <= _MAX_DIRECT_PX]
    heats: dict[int, Heat] = {}
    if large:
        copies = [_shrunk(bodies[number]) for number in large]
        coarse = _heated([copy for copy, _ in copies], max(0, steps - _MENDING_STEPS) // _SHRINK**2)
        begun = [
            _Body(bodies[number].coverage, bodies[number].centre, _enlarged(heat, offset, bodies[number].coverage))
            for number, heat, (_, offset) in zip(large, coarse, copies, strict=True)
        ]
        heats.update(zip(large, _stepped(begun, min(steps, _MENDING_STEPS)), strict=True))
    heats.update(zip(small, _stepped([bodies[number] for number in small], steps), strict=True))
    return [heats[number] for number in range(len(bodies))]


def _shrunk(body: _Body) -> tuple[_Body, tuple[int, int]]:
    """Return a copy three times smaller, and how many rows and columns were put before the body for it."""
    (height, width), (row, column) = body.coverage.shape, body.centre
    above, left = ((_SHRINK // 2 - row) % _SHRINK, (_SHRINK // 2 - column) % _SHRINK)
    rows, columns = -(-(height + above) // _SHRINK), -(-(width + left) // _SHRINK)
    padded = np.zeros((rows * _SHRINK, columns * _SHRINK), np.float32)
    padded[above : above + height, left : left + width] = body.coverage
    coverage = padded.reshape(rows, _SHRINK, columns, _SHRINK).mean(axis=(1, 3))  # (row, within, column, within)
    centre = ((row + above) // _SHRINK, (column + left) // _SHRINK)
    return _Body(coverage, centre, np.zeros_like(coverage)), (above, left)


def _enlarged(heat: Float32[np.ndarray, "small_height small_width"], offset: tuple[int, int], coverage: Heat) -> Heat:
    """Return the heat of a small copy between its pixels (linear), where the body is."""
    framed = np.pad(heat, 1)
    for axis in (0, 1):
        place = (np.arange(coverage.shape[axis]) + offset[axis] + 0.5) / _SHRINK + 0.5  # 0.5: frame less half a pixel
        before = place.astype(np.int64)
        share = (place - before).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        framed = framed.take(before, axis) * (1 - share) + framed.take(before + 1, axis) * share
    return framed * (coverage > 0)


def _stepped(bodies: Sequence[_Body], steps: int) -> list[Heat]:
    """Return the heat of each body after so many steps at its own size, or fewer where that changes nothing."""
    heats: dict[int, Heat] = {}
    for sheet in _sheets(bodies):
        on_sheet = [bodies[number] for number in sheet]
        enough = max(_steps_to_settle(body.coverage.shape) for body in on_sheet)
        heats.update(zip(sheet, _diffused(on_sheet, min(steps, enough)), strict=True))
    return [heats[number] for number in range(len(bodies))]


def _sheets(bodies: Sequence[_Body]) -> Iterator[list[int]]:
    """Yield bodies of about the same width, as many as fit a sheet."""
    sheet: list[int] = []
    rows = 0
    for number in sorted(range(len(bodies)), key=lambda number: bodies[number].coverage.shape[::-1]):
        height, width = bodies[number].coverage.shape
        if sheet and (rows + height + 1) * (width + 1) > _SHEET_PX:
            yield sheet
            sheet, rows = [], 0
        sheet.append(number)
        rows += height + 1
    if sheet:
        yield sheet


def _steps_to_settle(shape: tuple[int, ...]) -> int:
    """Return after how many steps a body in a box of this shape has its steady state."""
    slowest = np.pi**2 / 3 * sum(1 / (side + 1) ** 2 for side in shape)  # decay a step of a box's slowest mode
    return int(np.ceil(_SETTLED / slowest))


def _diffused(bodies: Sequence[_Body], steps: int) -> list[Heat]:
    """Return the heat of bodies that lie below each other on one sheet, a cold pixel between them."""
    pitch = max(body.coverage.shape[1] for body in bodies) + 1
    tops = np.cumsum([1] + [body.coverage.shape[0] + 1 for body in bodies]).tolist()
    sheet, mean = np.zeros((2, tops[-1] + 1, pitch), np.float32)
    for body, top in zip(bodies, tops, strict=False):
        window = np.s_[top : top + body.coverage.shape[0], : body.coverage.shape[1]]
        sheet[window], mean[window] = body.start, body.coverage / np.float32(9)
    centres = np.array(
        [(top + body.centre[0]) * pitch + body.centre[1] for body, top in zip(bodies, tops, strict=False)]
    )
    _diffuse(sheet.reshape(-1), mean.reshape(-1), centres, pitch, steps)
    return [
        sheet[top : top + body.coverage.shape[0], : body.coverage.shape[1]]
        for body, top in zip(bodies, tops, strict=False)
    ]


def _diffuse(
    heat: Float32[np.ndarray, " pixel"],
    mean: Float32[np.ndarray, " pixel"],
    centres: Int64[np.ndarray, " body"],
    pitch: int,
    steps: int,
) -> None:
    """Do the steps in place on a sheet laid out row after row; the gaps keep its ends apart from its bodies.

    Args:
        heat: Of each pixel; the first and the last row are cold.
        mean: A ninth of each pixel's coverage.
        centres: Where heat comes in.
        pitch: Pixels a row.
        steps: How many.
    """
    of_three = np.empty(len(heat) - 2 * pitch, np.float32)  # a pixel, the one above, the one below
    of_nine = np.empty(len(of_three) - 2, np.float32)
    inner = slice(pitch + 1, -pitch - 1)
    for _ in range(steps):
        heat[centres] += _UNIT
        np.add(heat[: -2 * pitch], heat[2 * pitch :], out=of_three)
        of_three += heat[pitch:-pitch]
        np.add(of_three[:-2], of_three[2:], out=of_nine)
        of_nine += of_three[1:-1]
        np.multiply(of_nine, mean[inner], out=heat[inner])
