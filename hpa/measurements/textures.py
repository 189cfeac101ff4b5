"""Texture of each cell in one plane (Haralick, Shanmugam and Dinstein, IEEE Trans SMC 3:610, 1973).

Pairs of pixels of one cell at a distance are counted by their grey levels, in four directions together: the matrix, and
with it every measure, stays the same when the field is rotated by 90° or mirrored. Pairs across a border do not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from jaxtyping import Float64, Integer, UInt8
from skimage.feature import graycomatrix

from hpa.core.label_map import mask_in_box
from hpa.measurements.pixel_runs import Plane

DIRECTIONS = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)
_MIN_DEVIATION = 1e-12
_MATRIX_NUMBERS = 1 << 20
"""Of the matrices that are held at once."""


class CellTextures:
    """Measures the texture of the cells of one field, plane by plane.

    Args:
        cells: Label map.
        boxes: Number and box of each cell (a row of `boxes_of`).
        grey_levels: Levels between the darkest and the brightest pixel of a cell.
        distance_px: Distance of the pixels of a pair.
    """

    def __init__(
        self,
        cells: Integer[np.ndarray, "height width"],
        boxes: Integer[np.ndarray, "cell 4"],
        grey_levels: int,
        distance_px: int,
    ) -> None:
        self._boxes = boxes
        self._masks = [mask_in_box(cells, number, box) for number, box in enumerate(boxes, start=1)]
        self._levels = grey_levels
        step = max(1, _MATRIX_NUMBERS // grey_levels**2)
        self._steps = [min(step, len(boxes) - begin) for begin in range(0, len(boxes), step)] or [0]
        self._distance_px = distance_px

    def measure(self, plane: Plane) -> dict[str, Float64[np.ndarray, " cell"]]:
        """Return contrast, homogeneity, correlation (1 of cells of one level) and entropy; NaN of cells without a pair.

        Args:
            plane: The plane.
        """
        cells = self._quantised(plane)
        parts = [self._measured(list(islice(cells, step))) for step in self._steps]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _measured(
        self, cells: Sequence[UInt8[np.ndarray, "_height _width"]]
    ) -> dict[str, Float64[np.ndarray, " cell"]]:
        counted = [self._pairs(levels) for levels in cells]
        matrix = np.array(counted, np.float64).reshape(-1, self._levels, self._levels)
        total = matrix.sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            share = matrix / total[:, None, None]
            logarithm = np.log2(np.where(share > 0, share, 1))
        level = np.arange(self._levels, dtype=np.float64)
        difference = (level[:, None] - level) ** 2
        mean = share.sum(axis=2) @ level
        deviation = share.sum(axis=2) @ level**2 - mean**2
        product = np.einsum("cij,i,j->c", share, level, level) - mean**2
        flat = deviation < _MIN_DEVIATION
        return {
            "contrast": np.einsum("cij,ij->c", share, difference),
            "homogeneity": np.einsum("cij,ij->c", share, 1 / (1 + difference)),
            "correlation": np.where(flat, 1.0, product / np.where(flat, 1.0, deviation)),
            "entropy_bits": -(share * logarithm).sum(axis=(1, 2)),
        }

    def _quantised(self, plane: Plane) -> Iterator[UInt8[np.ndarray, "height width"]]:
        """Yield the levels of each cell within its box, from 1; 0 outside of it."""
        for (top, left, bottom, right), mask in zip(self._boxes, self._masks, strict=True):
            pixels = plane[top:bottom, left:right]
            inside = pixels[mask]
            lowest, highest = int(inside.min()), int(inside.max())
            # a table of levels: two looks into it instead of arithmetic on every pixel
            steps = np.arange(highest - lowest + 1) * self._levels // (highest - lowest + 1) + 1
            yield np.where(mask, steps.astype(np.uint8)[np.clip(pixels, lowest, highest) - lowest], np.uint8(0))

    def _pairs(self, levels: UInt8[np.ndarray, "height width"]) -> Float64[np.ndarray, "level level"]:
        """Return how many pairs have which levels, all directions together, symmetric."""
        if levels.size == 1:
            return np.zeros((self._levels, self._levels))
        found = graycomatrix(levels, [self._distance_px], DIRECTIONS, levels=self._levels + 1, symmetric=True)  # type: ignore[no-untyped-call]
        return found[1:, 1:, 0].sum(axis=2, dtype=np.float64)
