"""Elastic deformation of tiles: cutting and mounting stretch and compress tissue smoothly.

Random displacements of every pixel, smoothed (Simard, Steinkraus and Platt, ICDAR 2003), as the second and the 26th
team of "Hacking the Human Body" (2022) trained. Among the transforms of a tile, `ElasticTransform` of albumentations
would move the picture alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Shaped

from hpa.core.errors import InputError
from hpa.core.label_map import labels_of, relabel
from hpa.core.seeding import seed_of
from hpa.interfaces import PixelTarget
from hpa.pixels.store import StoredPlanes
from hpa.pixels.tiles import Tile, TileAugmentation


class ElasticTiles(TileAugmentation):
    """A `TileAugmentation` that deforms some tiles, picture and targets alike.

    Directions (model/target=flows) are moved, not rotated: keep smoothness_px well above displacement_px for them.

    Args:
        displacement_px: Standard deviation of the displacement along each axis.
        smoothness_px: Standard deviation of the Gaussian that smooths the displacements.
        probability: Share of the tiles that are deformed, in [0, 1].
        any_angle: As in `TileAugmentation`, like the following.
        mirror: As there.
        min_scale: As there.
        max_scale: As there.
        transforms: As there.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(
        self,
        displacement_px: float,
        smoothness_px: float,
        probability: float,
        any_angle: bool,
        mirror: bool,
        min_scale: float,
        max_scale: float,
        transforms: Sequence[Any],
    ) -> None:
        super().__init__(any_angle, mirror, min_scale, max_scale, transforms)
        if displacement_px < 0 or smoothness_px <= 0 or not 0 <= probability <= 1:
            raise InputError(
                "augment needs displacement_px >= 0, smoothness_px > 0 and probability in [0, 1]; came "
                f"{displacement_px}, {smoothness_px} and {probability}."
            )
        self.displacement_px = displacement_px
        self.smoothness_px = smoothness_px
        self.probability = probability

    def __call__(self, image: StoredPlanes, side_px: int, target: PixelTarget, seed: int) -> Tile:
        """Return a tile; the same seed gives the same tile."""
        tile = super().__call__(image, side_px, target, seed)
        draw = np.random.default_rng(seed_of(seed, "elastic"))
        if draw.random() >= self.probability:
            return tile
        source = self._source(draw, side_px)
        label_map = _moved(tile.label_map[None], source, cv2.INTER_NEAREST)[0].astype(np.int32)
        soft = None if tile.soft_targets is None else _moved(tile.soft_targets[None], source, cv2.INTER_LINEAR)[0]
        return replace(
            tile,
            planes=_moved(tile.planes, source, cv2.INTER_LINEAR),
            targets=_moved(tile.targets, source, cv2.INTER_LINEAR),
            label_map=relabel(label_map),
            classes=tile.classes[labels_of(label_map) - 1],
            soft_targets=soft,
        )

    def _source(self, draw: np.random.Generator, side_px: int) -> Float32[np.ndarray, "axis side side"]:
        """Sample where each pixel of the deformed tile comes from: column, then row."""
        noise = draw.normal(size=(2, side_px, side_px)).astype(np.float32)
        smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), self.smoothness_px) for plane in noise])
        smooth *= (
            2 * np.sqrt(np.pi) * self.smoothness_px * self.displacement_px
        )  # the Gaussian reduced the standard deviation by all but the last factor
        columns, rows = np.meshgrid(np.arange(side_px, dtype=np.float32), np.arange(side_px, dtype=np.float32))
        return np.stack([columns, rows]) + smooth


def _moved(
    planes: Shaped[np.ndarray, "plane side side"], source: Float32[np.ndarray, "axis side side"], method: int
) -> Float32[np.ndarray, "plane side side"]:
    """Return planes whose pixels come from the source positions; mirrored beyond the edge."""
    columns, rows = source
    edge = cv2.BORDER_REFLECT_101
    return np.stack([cv2.remap(plane.astype(np.float32), columns, rows, method, borderMode=edge) for plane in planes])
