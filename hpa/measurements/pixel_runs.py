"""The pixels of all cells as runs along the rows: one pass over a plane sums it in every cell and compartment.

A field of 2048² px with 30 cells has some 20,000 runs, so that everything after that pass costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, UInt8, UInt16

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]


@dataclass(frozen=True)
class PixelRuns:
    """Runs of neighbouring pixels of a row that have the same number; together they cover every pixel.

    Attributes:
        starts: Place of the first pixel of each run, counted along the rows.
        lengths_px: Pixels of each run.
        numbers: Number that the pixels of a run have, 0 background.
        width: Of the image, px.
        count: Numbers that are measured: 1 to `count`, whether they have pixels or not.
    """

    starts: Int64[np.ndarray, " run"]
    lengths_px: Int64[np.ndarray, " run"]
    numbers: Int64[np.ndarray, " run"]
    width: int
    count: int

    @classmethod
    def of(cls, numbers: Integer[np.ndarray, "height width"], count: int) -> PixelRuns:
        """Return the runs of an image of numbers, none above `count`."""
        begins: Bool[np.ndarray, "height width"] = np.ones(numbers.shape, bool)
        np.not_equal(numbers[:, 1:], numbers[:, :-1], out=begins[:, 1:])
        starts = np.flatnonzero(begins)
        lengths = np.diff(starts, append=numbers.size)
        return cls(starts, lengths, numbers.ravel()[starts].astype(np.int64), numbers.shape[1], count)

    @property
    def rows(self) -> Int64[np.ndarray, " run"]:
        """Return the row of each run."""
        return self.starts // self.width

    @property
    def left_px(self) -> Int64[np.ndarray, " run"]:
        """Return the column of the first pixel of each run."""
        return self.starts % self.width

    def total(self, of_run: Integer[np.ndarray, " run"] | Float64[np.ndarray, " run"]) -> Float64[np.ndarray, " n"]:
        """Return the sum over the runs of each number 1..count; 0 where a number has no pixel."""
        return np.bincount(self.numbers, weights=of_run, minlength=self.count + 1)[1:].astype(np.float64)

    def areas_px(self) -> Float64[np.ndarray, " n"]:
        """Return the number of pixels of each number."""
        return self.total(self.lengths_px)

    def sums(self, plane: Plane) -> Float64[np.ndarray, " n"]:
        """Return the sum of a plane over each number."""
        return self.total(np.add.reduceat(plane.ravel(), self.starts, dtype=np.int64))

    def sums_of_squares(self, plane: Plane) -> Float64[np.ndarray, " n"]:
        """Return the sum of the squares of a plane over each number."""
        squares = np.square(plane, dtype=np.uint32).ravel()
        return self.total(np.add.reduceat(squares, self.starts, dtype=np.int64))

    def maxima(self, plane: Plane) -> Float64[np.ndarray, " n"]:
        """Return the maximum of a plane over each number, -1 where it has no pixel."""
        highest = np.full(self.count + 1, -1.0)
        np.maximum.at(highest, self.numbers, np.maximum.reduceat(plane.ravel(), self.starts).astype(np.float64))
        return highest[1:]
