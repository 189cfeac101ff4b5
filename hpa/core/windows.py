"""Windows: rectangles of an image, and the grid of tiles that a large image is worked on in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hpa.core.errors import InputError


class Window(NamedTuple):
    """A rectangle of pixels; bottom and right are not included.

    >>> Window(0, 0, 10, 20).grown(5, 12, 22)
    Window(top=0, left=0, bottom=12, right=22)
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.right - self.left

    @property
    def area(self) -> int:
        """Return the number of pixels."""
        return self.height * self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return rows and columns, to index an array with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin_px: int, height: int, width: int) -> Window:
        """Return the window with a margin on each side, as far as an image of this size reaches."""
        return Window(
            max(0, self.top - margin_px),
            max(0, self.left - margin_px),
            min(height, self.bottom + margin_px),
            min(width, self.right + margin_px),
        )

    def common(self, other: Window) -> Window:
        """Return what two windows share; its height or width is 0 where they share nothing."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        return Window(top, left, max(top, min(self.bottom, other.bottom)), max(left, min(self.right, other.right)))

    def relative_to(self, other: Window) -> Window:
        """Return the window in the coordinates of another one."""
        return Window(self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left)

    def has(self, y: float, x: float) -> bool:
        """Return whether a point lies inside."""
        return self.top <= y < self.bottom and self.left <= x < self.right


class TileGrid(NamedTuple):
    """Tiles side by side that cover an image row by row; those at the bottom and right may be smaller.

    >>> TileGrid(5, 3, 2).tiles, TileGrid(5, 3, 2).tile(5)
    (6, Window(top=4, left=2, bottom=5, right=3))
    """

    height: int
    width: int
    side_px: int

    @property
    def rows(self) -> int:
        """Return the number of rows of tiles."""
        return -(-self.height // self.side_px)

    @property
    def columns(self) -> int:
        """Return the number of tiles in a row."""
        return -(-self.width // self.side_px)

    @property
    def tiles(self) -> int:
        """Return the number of tiles."""
        return self.rows * self.columns

    def tile(self, number: int) -> Window:
        """Return a tile, counted from 0.

        Raises:
            InputError: If there is no such tile.
        """
        if not 0 <= number < self.tiles:
            raise InputError(f"tile {number}: there are {self.tiles}, counted from 0.")
        row, column = divmod(number, self.columns)
        top, left = row * self.side_px, column * self.side_px
        return Window(top, left, min(self.height, top + self.side_px), min(self.width, left + self.side_px))

    def touching(self, window: Window) -> Iterator[int]:
        """Yield the numbers of the tiles that share pixels with a window, in their order."""
        inside = window.common(Window(0, 0, self.height, self.width))
        if not inside.area:
            return
        for row in range(inside.top // self.side_px, (inside.bottom - 1) // self.side_px + 1):
            first, last = inside.left // self.side_px, (inside.right - 1) // self.side_px
            yield from range(row * self.columns + first, row * self.columns + last + 1)
