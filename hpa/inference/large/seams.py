"""Cells along the seams of tiles: one that two tiles found is taken once, one that neither took is not lost.

All decisions follow the numbers of the tiles, not the order in which these were made.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32, Int64

from hpa.core.windows import TileGrid, Window
from hpa.inference.large.tile_part import TilePart

_SAME_SHARE = 0.5
"""Two cells of two tiles are one where they share more than this of the smaller; what they share less of, is of the
first tile."""
_KEPT_PARTS = 12


@dataclass(frozen=True)
class PartFacts:
    """What is known of the part of a tile without its pixels."""

    window: Window
    owned: int
    count: int


class TileParts:
    """The parts of all tiles, of which a few are held.

    Args:
        grid: The tiles.
        read: Reads the part of a tile.
    """

    def __init__(self, grid: TileGrid, read: Callable[[int], TilePart]) -> None:
        self.grid, self._read = grid, read
        self._kept: OrderedDict[int, TilePart] = OrderedDict()
        self.facts: list[PartFacts] = []
        self.cut = 0
        for number in range(grid.tiles):
            part = read(number)
            self.facts.append(PartFacts(part.window, part.owned, part.count))
            self.cut += part.cut
        beyond = [_beyond(facts.window, grid.tile(number)) for number, facts in enumerate(self.facts) if facts.count]
        self._reach_px = max(beyond, default=0)

    def part(self, number: int) -> TilePart:
        """Return the part of a tile."""
        if number not in self._kept:
            self._kept[number] = self._read(number)
        self._kept.move_to_end(number)
        while len(self._kept) > _KEPT_PARTS:
            self._kept.popitem(last=False)
        return self._kept[number]

    def sharing(self, window: Window) -> list[int]:
        """Return the tiles whose parts share pixels with a window, in their order."""
        near = self.grid.touching(window.grown(self._reach_px, self.grid.height, self.grid.width))
        return [number for number in near if self.facts[number].window.common(window).area]


def taken_cells(parts: TileParts) -> list[Int64[np.ndarray, " _"]]:
    """Return which cells of each part are cells of the image, by their numbers in it."""
    taken: list[Int64[np.ndarray, " _"]] = [np.arange(1, facts.owned + 1) for facts in parts.facts]
    for number, facts in enumerate(parts.facts):
        others = [other for other in parts.sharing(facts.window) if other < number] if facts.owned else []
        is_new = _is_new(parts, number, others, taken)
        taken[number] = taken[number][is_new[taken[number]]]
    for number, facts in enumerate(parts.facts):
        if facts.count == facts.owned:
            continue
        others = [other for other in parts.sharing(facts.window) if other != number]
        found = np.flatnonzero(_is_new(parts, number, others, taken))
        taken[number] = np.concatenate([taken[number], found[found > facts.owned]])
    return taken


def painted(
    parts: TileParts, taken: Sequence[Int64[np.ndarray, " _"]], firsts: Sequence[int], window: Window
) -> tuple[Int32[np.ndarray, "height width"], Bool[np.ndarray, "height width"] | None]:
    """Return the label map of a window, and where nuclei are.

    Args:
        parts: Of all tiles.
        taken: Of each, the cells that are cells of the image.
        firsts: Of each, how many cells the tiles before it have.
        window: What is painted.
    """
    cells = np.zeros((window.height, window.width), np.int32)
    nuclei: Bool[np.ndarray, "height width"] | None = None
    for number in parts.sharing(window):
        part = parts.part(number)
        common = part.window.common(window)
        here, there = common.relative_to(window).slices, common.relative_to(part.window).slices
        numbers = _numbering(part.count, taken[number], firsts[number])[part.cells[there]]
        is_free = (cells[here] == 0) & (numbers > 0)
        cells[here][is_free] = numbers[is_free]
        if part.nuclei is not None:
            nuclei = np.zeros(cells.shape, bool) if nuclei is None else nuclei
            nuclei[here][is_free] = part.nuclei[there][is_free]
    return cells, nuclei


def _is_new(
    parts: TileParts, number: int, others: Sequence[int], taken: Sequence[Int64[np.ndarray, " _"]]
) -> Bool[np.ndarray, " cell_or_background"]:
    """Return which cells of a part are none of those taken of other parts, by number."""
    count = parts.facts[number].count
    is_new = np.ones(count + 1, bool)
    is_new[0] = False
    for other in others:
        if not len(taken[other]) or not count:
            continue
        part, second = parts.part(number), parts.part(other)
        common = part.window.common(second.window)
        own = part.cells[common.relative_to(part.window).slices]
        is_taken = np.zeros(second.count + 1, bool)
        is_taken[taken[other]] = True
        foreign = second.cells[common.relative_to(second.window).slices]
        both = (own > 0) & is_taken[foreign]
        if not both.any():
            continue
        pairs, shared = np.unique(np.stack([own[both], foreign[both]]), axis=1, return_counts=True)
        areas, foreign_areas = np.bincount(part.cells.ravel()), np.bincount(second.cells.ravel())
        smaller = np.minimum(areas[pairs[0]], foreign_areas[pairs[1]])
        is_new[pairs[0][shared > _SAME_SHARE * smaller]] = False
    return is_new


def _numbering(count: int, taken: Int64[np.ndarray, " _"], first: int) -> Int32[np.ndarray, " cell_or_background"]:
    numbers = np.zeros(count + 1, np.int32)
    numbers[taken] = np.arange(first + 1, first + len(taken) + 1)
    return numbers


def _beyond(window: Window, tile: Window) -> int:
    """Return how far a window reaches beyond a tile."""
    return max(
        tile.top - window.top, tile.left - window.left, window.bottom - tile.bottom, window.right - tile.right, 0
    )
