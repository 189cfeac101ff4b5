"""One cell laid out on its own small canvas: compartments, distances and landmarks that every drawing needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32

from hpa.simulation.culture import Cell, Phase
from hpa.simulation.outline import BINS
from hpa.simulation.territory import Territory, offsets_um
from hpa.simulation.texture import network, smooth_noise

SPINDLE_HALF_UM = 4.6  # half the distance between the poles of a metaphase spindle


@dataclass(frozen=True)
class Anatomy:
    """Compartments of one cell; arrays share the window of the cell.

    Attributes:
        rng: Source of randomness of this cell.
        cell: State and shape.
        pixel_um: Side of a pixel.
        x_um: Offsets from the centre of the nucleus to the right.
        y_um: Offsets downwards.
        body: Pixels of the cell.
        nucleus: Pixels of the nucleus; in mitosis the region of the spindle.
    """

    rng: np.random.Generator
    cell: Cell
    pixel_um: float
    x_um: Float32[np.ndarray, "height width"]
    y_um: Float32[np.ndarray, "height width"]
    body: Bool[np.ndarray, "height width"]
    nucleus: Bool[np.ndarray, "height width"]

    @property
    def mitotic(self) -> bool:
        """Return whether the cell divides."""
        return self.cell.phase is Phase.M

    @property
    def height(self) -> int:
        """Rows of the window."""
        return self.body.shape[0]

    @property
    def width(self) -> int:
        """Columns of the window."""
        return self.body.shape[1]

    @cached_property
    def cytoplasm(self) -> Bool[np.ndarray, "height width"]:
        """Pixels of the cell outside the nucleus."""
        return self.body & ~self.nucleus

    @cached_property
    def on_body(self) -> Float32[np.ndarray, "height width"]:
        """1 on the cell, 0 elsewhere: what drawings are multiplied with."""
        return self.body.astype(np.float32)

    @cached_property
    def on_nucleus(self) -> Float32[np.ndarray, "height width"]:
        """1 on the nucleus, 0 elsewhere."""
        return self.nucleus.astype(np.float32)

    @cached_property
    def on_cytoplasm(self) -> Float32[np.ndarray, "height width"]:
        """1 on the cytoplasm, 0 elsewhere."""
        return self.cytoplasm.astype(np.float32)

    @cached_property
    def depth_um(self) -> Float32[np.ndarray, "height width"]:
        """Distance from the cell border, inside the cell."""
        return self._distance(self.body)

    @cached_property
    def nucleus_depth_um(self) -> Float32[np.ndarray, "height width"]:
        """Distance from the nuclear border, inside the nucleus."""
        return self._distance(self.nucleus)

    @cached_property
    def nucleus_gap_um(self) -> Float32[np.ndarray, "height width"]:
        """Distance from the nucleus, outside of it."""
        return self._distance(~self.nucleus)

    @cached_property
    def thickness(self) -> Float32[np.ndarray, "height width"]:
        """Height of the cell in (0, 1]: a dome over the nucleus, thin at the border; even in a round mitotic cell."""
        slope = 30.0 if self.mitotic else 8.0
        dome = 0.35 + 0.65 * cv2.exp(-((self.nucleus_gap_um / slope) ** 2))
        return dome * np.minimum(1, 0.35 + self.depth_um / 2.5)

    @cached_property
    def nucleoli_um(self) -> Float[np.ndarray, "nucleolus 3"]:
        """Offsets (x, y) of the nucleoli and their radii."""
        places = self.scatter(self.nucleus_depth_um > 1.6, int(self.rng.integers(1, 5)))
        radii = self.rng.uniform(0.9, 1.9, len(places)) * (1.25 if len(places) < 3 else 0.9)
        return np.column_stack([self.to_um(places), radii])

    @cached_property
    def nucleolar(self) -> Float32[np.ndarray, "height width"]:
        """Share of nucleolus in each pixel, 0 to 1; bodies are irregular."""
        share = np.zeros((self.height, self.width), np.float32)
        dent = 0.22 * self.noise(1.2)
        for x, y, radius in self.nucleoli_um:
            distance = cv2.magnitude(self.x_um - np.float32(x), self.y_um - np.float32(y)) / np.float32(radius)
            share = np.maximum(share, np.clip((1.15 + dent - distance) * 4, 0, 1))
        return share * self.on_nucleus

    @cached_property
    def organizing_center_um(self) -> Float[np.ndarray, " 2"]:
        """Offset (x, y) of the centrosome: beside the nucleus."""
        angle = self.rng.uniform(0, 2 * np.pi)
        distance = self.cell.nucleus_um[int(angle / (2 * np.pi) * BINS) % BINS] + self.rng.uniform(0.3, 1.3)
        return distance * np.array([np.cos(angle), np.sin(angle)])

    @cached_property
    def poles_um(self) -> Float[np.ndarray, "2 2"]:
        """Offsets (x, y) of the spindle poles along the axis of the cell."""
        axis = np.array([np.cos(self.cell.angle), np.sin(self.cell.angle)])
        return SPINDLE_HALF_UM * self.cell.size * np.stack([axis, -axis])

    @cached_property
    def reticulum(self) -> Float32[np.ndarray, "height width"]:
        """Net of the endoplasmic reticulum: sponge with dark holes."""
        coarse = network(self.rng, self.height, self.width, 1.5 / self.pixel_um, 0.8)
        fine = network(self.rng, self.height, self.width, 0.8 / self.pixel_um, 0.9)
        return 0.6 * coarse + 0.4 * fine

    def noise(self, grain_um: float) -> Float32[np.ndarray, "height width"]:
        """Return smooth noise of the window."""
        return smooth_noise(self.rng, self.height, self.width, grain_um / self.pixel_um)

    def blank(self) -> Float32[np.ndarray, "height width"]:
        """Return an empty window."""
        return np.zeros((self.height, self.width), np.float32)

    def scatter(
        self,
        where: Bool[np.ndarray, "height width"],
        count: int,
        weights: Float32[np.ndarray, "height width"] | None = None,
    ) -> Float[np.ndarray, "point 2"]:
        """Return random points (x, y) in pixels of the window, none if `where` is empty."""
        pixels = np.flatnonzero(where)
        if len(pixels) == 0:
            return np.zeros((0, 2))
        chance = np.ones(len(pixels)) if weights is None else weights.reshape(-1)[pixels].astype(np.float64) + 1e-9
        ladder = np.cumsum(chance)
        chosen = pixels[np.searchsorted(ladder, self.rng.random(count) * ladder[-1], side="right")]
        points = np.column_stack([chosen % self.width, chosen // self.width]).astype(np.float64)
        return points + self.rng.uniform(-0.5, 0.5, points.shape)

    def to_um(self, points_px: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
        """Turn window pixels (x, y) into offsets from the centre of the nucleus."""
        return points_px * self.pixel_um + self._origin_um

    def to_px(self, points_um: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
        """Turn offsets from the centre of the nucleus into window pixels (x, y)."""
        return (points_um - self._origin_um) / self.pixel_um

    @property
    def _origin_um(self) -> Float[np.ndarray, " 2"]:
        """Offset of the window's first pixel."""
        return np.array([self.x_um[0, 0], self.y_um[0, 0]], np.float64)

    def _distance(self, mask: Bool[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the distance to the nearest pixel outside the mask, in µm."""
        return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3) * np.float32(self.pixel_um)


def dissect(rng: np.random.Generator, cells: list[Cell], territory: Territory, index: int) -> Anatomy:
    """Lay out cell `index` of a culture on its window of the territory."""
    window = territory.windows[index]
    x, y = offsets_um(cells[index], window, territory.margin_px, territory.pixel_um)
    body = territory.cells[window] == index + 1
    nucleus = (territory.nuclei[window] == index + 1) & body
    return Anatomy(rng, cells[index], territory.pixel_um, x, y, body, nucleus)
