"""Neurites on a label map: thin processes grow over background only, and belong to their cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Int32

from hpa.simulation.territory import Territory
from hpa.simulation.two_cell_types.mixed_culture import CulturedCell, Neurite

_SHIFT = 4
"""Bits after the point in OpenCV's coordinates."""


def with_neurites(territory: Territory, cells: Sequence[CulturedCell]) -> Territory:
    """Return the territory with the neurites of its cells; windows grow to hold them.

    A neurite ends where it meets another cell: what lies beyond is cut off from its soma and left out.
    """
    label_map = territory.cells.copy()
    windows = [
        _widened(window, cultured, territory) if cultured.neurites else window
        for window, cultured in zip(territory.windows, cells, strict=True)
    ]
    for number, (cultured, window) in enumerate(zip(cells, windows, strict=True), start=1):
        if cultured.neurites:
            _add(label_map[window], territory.nuclei[window] == number, number, cultured.neurites, window, territory)
    return replace(territory, cells=label_map, windows=tuple(windows))


def _widened(window: tuple[slice, slice], cultured: CulturedCell, territory: Territory) -> tuple[slice, slice]:
    points = np.concatenate([neurite.points_um for neurite in cultured.neurites]) / territory.pixel_um
    points = points + territory.margin_px
    reach = 3 + int(np.ceil(4 / territory.pixel_um))
    sides = []
    for axis, span, length in ((1, window[0], territory.cells.shape[0]), (0, window[1], territory.cells.shape[1])):
        start = min(span.start, int(points[:, axis].min()) - reach)
        stop = max(span.stop, int(points[:, axis].max()) + reach)
        sides.append(slice(max(0, start), min(length, stop)))
    return sides[0], sides[1]


def _add(
    label_map: Int32[np.ndarray, "height width"],
    nucleus: Bool[np.ndarray, "height width"],
    number: int,
    neurites: Sequence[Neurite],
    window: tuple[slice, slice],
    territory: Territory,
) -> None:
    """Give the pixels of a cell's neurites to it, in place."""
    sheet = np.zeros(label_map.shape, np.uint8)
    origin_px = np.array([window[1].start, window[0].start]) - territory.margin_px
    for neurite in neurites:
        points = np.rint((neurite.points_um / territory.pixel_um - origin_px) * (1 << _SHIFT)).astype(int)
        widths = np.maximum(1, np.rint(neurite.widths_um / territory.pixel_um)).astype(int)
        for start, stop, width in zip(points[:-1].tolist(), points[1:].tolist(), widths[1:].tolist(), strict=True):
            cv2.line(sheet, start, stop, 1, width, cv2.LINE_8, _SHIFT)
    claimed = (label_map == number) | ((label_map == 0) & (sheet > 0))
    _, parts = cv2.connectedComponents(claimed.astype(np.uint8), connectivity=4)
    own = np.bincount(parts[nucleus & claimed], minlength=2)
    own[0] = 0
    if own.any():
        label_map[parts == int(own.argmax())] = number
