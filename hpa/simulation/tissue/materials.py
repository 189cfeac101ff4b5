"""What a section is made of, before any stain: maps of materials over one canvas, lengths in µm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from hpa.simulation.outline import relative_distance

_FEW_UM = 6.0
"""Windows reach this much beyond an outline: walls straddle it."""


@dataclass(frozen=True)
class Materials:
    """Amounts of materials, 0 to 1, and which pixels belong to a functional tissue unit.

    Attributes:
        pixel_um: Side of a pixel.
        cytoplasm: Bodies of cells: much of it in epithelia.
        matrix: Collagen and muscle between cells.
        membrane: Basement membranes, brush borders and mucus, which PAS stains.
        nuclear_density: Share of possible positions that hold a nucleus.
        opening: Lumen, air and cracks: no tissue.
        ftu_mask: Pixels of the functional tissue units (FTU).
    """

    pixel_um: float
    cytoplasm: Float32[np.ndarray, "height width"]
    matrix: Float32[np.ndarray, "height width"]
    membrane: Float32[np.ndarray, "height width"]
    nuclear_density: Float32[np.ndarray, "height width"]
    opening: Float32[np.ndarray, "height width"]
    ftu_mask: Bool[np.ndarray, "height width"]

    @classmethod
    def blank(
        cls, shape: tuple[int, int], pixel_um: float, cytoplasm: float, matrix: float, nuclear_density: float
    ) -> Materials:
        """Return a canvas of homogeneous tissue."""
        ground, stroma, nuclei = (np.full(shape, value, np.float32) for value in (cytoplasm, matrix, nuclear_density))
        membrane, opening = (np.zeros(shape, np.float32) for _ in range(2))
        return cls(pixel_um, ground, stroma, membrane, nuclei, opening, np.zeros(shape, bool))

    @property
    def size_um(self) -> tuple[float, float]:
        """Return height and width in µm."""
        height, width = self.ftu_mask.shape
        return height * self.pixel_um, width * self.pixel_um


@dataclass(frozen=True)
class Blob:
    """A star-shaped thing in the section."""

    x_um: float
    y_um: float
    outline_um: Float[np.ndarray, " bin"]
    """Distance of the border by angle, as of `hpa.simulation.outline`."""


@dataclass(frozen=True)
class Spot:
    """The part of a canvas where a blob lies.

    Attributes:
        window: Its rows and columns.
        depth_um: How deep in the blob each pixel lies, along the ray from its centre; negative outside.
    """

    window: tuple[slice, slice]
    depth_um: Float32[np.ndarray, "height width"]

    def put(
        self, plane: Float32[np.ndarray, "canvas_height canvas_width"], value: float, low: float, high: float
    ) -> None:
        """Set a material to a value between two depths, softly by a pixel."""
        cover = between(self.depth_um, low, high)
        part = plane[self.window]
        part += cover * (np.float32(value) - part)


def spots_of(blobs: list[Blob], materials: Materials) -> Iterator[Spot]:
    """Give the part of the canvas of each blob; blobs that lie outside are left out."""
    height, width = materials.ftu_mask.shape
    pixel_um = materials.pixel_um
    for blob in blobs:
        reach = float(blob.outline_um.max()) + _FEW_UM
        rows = _span(blob.y_um, reach, pixel_um, height)
        columns = _span(blob.x_um, reach, pixel_um, width)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        x = ((np.arange(columns.start, columns.stop) + 0.5) * pixel_um - blob.x_um).astype(np.float32)
        y = ((np.arange(rows.start, rows.stop) + 0.5) * pixel_um - blob.y_um).astype(np.float32)
        grid_x, grid_y = np.meshgrid(x, y)
        share = np.maximum(relative_distance(grid_x, grid_y, blob.outline_um), np.float32(1e-3))
        yield Spot((rows, columns), np.hypot(grid_x, grid_y) * (1 / share - 1))


def between(
    depth_um: Float32[np.ndarray, "height width"], low: float, high: float
) -> Float32[np.ndarray, "height width"]:
    """Return 1 where depths lie between two, 0 outside, and a slope 2 µm wide at both."""
    slope = np.float32(2.0)
    return np.clip((depth_um - low) / slope + 0.5, 0, 1) * np.clip((high - depth_um) / slope + 0.5, 0, 1)


def _span(centre_um: float, reach_um: float, pixel_um: float, side: int) -> slice:
    start = max(0, int((centre_um - reach_um) / pixel_um))
    return slice(start, min(side, max(0, int((centre_um + reach_um) / pixel_um) + 2)))
