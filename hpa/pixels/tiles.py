"""Tiles cropped from prepared images: rotated, scaled and mirrored in one warp, together with their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import albumentations
import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, Shaped

from hpa.core.errors import InputError
from hpa.core.label_map import labels_of, relabel
from hpa.core.planes import PlaneSpec
from hpa.interfaces import PixelTarget
from hpa.pixels.store import STEPS, StoredPlanes


@dataclass(frozen=True)
class TileSpec:
    """Size and number of the tiles that a dense network trains on.

    Attributes:
        side_px: Side of a tile, at the network's scale.
        max_per_image: Upper bound on the tiles of one image an epoch; below it as many as cover the image.
        planes: How images are scaled.
    """

    side_px: int
    max_per_image: int
    planes: PlaneSpec

    def __post_init__(self) -> None:
        if self.side_px < 8 or self.max_per_image < 1:
            raise InputError(
                f"tiles need side_px >= 8 and max_per_image >= 1; came {self.side_px} and {self.max_per_image}."
            )

    def count_of(self, height: int, width: int) -> int:
        """Return how many tiles an epoch takes from an image of this size."""
        return min(self.max_per_image, max(1, round(height * width / self.side_px**2)))


@dataclass(frozen=True)
class Tile:
    """One tile, or a whole image, with its targets.

    Attributes:
        planes: Intensities in [0, 1].
        targets: Targets of a dense network.
        label_map: Its instances.
        classes: Their classes.
        scale: Factor by which the tile is enlarged.
        soft_targets: Probability that each pixel is inside, predicted by earlier runs; None without predictions.
    """

    planes: Float32[np.ndarray, "channel height width"]
    targets: Float32[np.ndarray, "plane height width"]
    label_map: Int32[np.ndarray, "height width"]
    classes: Int64[np.ndarray, " instance"]
    scale: float = 1.0
    soft_targets: Float32[np.ndarray, "height width"] | None = None


class TileAugmentation:
    """Samples where a tile lies in its image, its rotation and scale, and changes its intensities (`augment=`).

    Beyond the image: intensity 0, no instance.

    Args:
        any_angle: Rotate by any angle; else by multiples of 90°.
        mirror: Mirror half of the tiles.
        min_scale: A tile is enlarged by a factor sampled log-uniformly from here …
        max_scale: … to here.
        transforms: albumentations transforms of intensities only, float32 in [0, 1] of any channel count.

    Raises:
        InputError: If the scales are no range.
    """

    def __init__(
        self, any_angle: bool, mirror: bool, min_scale: float, max_scale: float, transforms: Sequence[Any]
    ) -> None:
        if not 0 < min_scale <= max_scale:
            raise InputError(f"augment needs 0 < min_scale <= max_scale; {min_scale}, {max_scale}.")
        self.any_angle = any_angle
        self.mirror = mirror
        self.log_scales = (float(np.log(min_scale)), float(np.log(max_scale)))
        self._intensities = albumentations.Compose(list(transforms))

    def __call__(self, image: StoredPlanes, side_px: int, target: PixelTarget, seed: int) -> Tile:
        """Return a tile; the same seed gives the same tile."""
        draw = np.random.default_rng(seed)
        linear = self._linear(draw)
        to_image = _inverse_map(linear, _centre(image.label_map.shape, side_px, linear, draw), side_px)
        planes = _warped(image.planes, to_image, side_px, cv2.INTER_LINEAR)
        targets = target.rotate_vectors(_warped(image.targets, to_image, side_px, cv2.INTER_LINEAR), linear)
        label_map = _warped(image.label_map[None], to_image, side_px, cv2.INTER_NEAREST)[0].astype(np.int32)
        soft_targets = None
        if image.soft_targets is not None:
            soft_targets = _warped(image.soft_targets[None], to_image, side_px, cv2.INTER_LINEAR)[0] / np.float32(STEPS)
        self._intensities.set_random_seed(seed)
        changed = self._intensities(image=np.ascontiguousarray(planes.transpose(1, 2, 0)))["image"]
        planes = np.ascontiguousarray(np.clip(changed, 0, 1).transpose(2, 0, 1), np.float32)
        classes = np.asarray(image.classes)[labels_of(label_map) - 1]
        scale = float(np.sqrt(abs(np.linalg.det(linear))))
        return Tile(planes, targets, relabel(label_map), classes, scale, soft_targets)

    def _linear(self, draw: np.random.Generator) -> Float64[np.ndarray, "2 2"]:
        """Sample the linear map from a step (y, x) in the image to the step in the tile."""
        angle = draw.uniform(0, 2 * np.pi) if self.any_angle else draw.integers(4) * np.pi / 2
        scale = np.exp(draw.uniform(*self.log_scales))
        cosine, sine = np.round(np.cos(angle), 12), np.round(np.sin(angle), 12)  # multiples of 90° without residue
        linear = scale * np.array([[cosine, -sine], [sine, cosine]])
        if self.mirror and draw.random() < 0.5:
            linear = linear @ np.array([[1.0, 0.0], [0.0, -1.0]])
        return linear


def _centre(
    size: tuple[int, ...], side_px: int, linear: Float64[np.ndarray, "2 2"], draw: np.random.Generator
) -> Float64[np.ndarray, " 2"]:
    """Sample the centre of a tile so that it covers as much of the image as it can; (y, x) of the image."""
    half = side_px / 2 / np.sqrt(abs(np.linalg.det(linear)))
    lows = np.minimum(half, np.array(size) / 2)
    return draw.uniform(lows, np.array(size) - lows) - 0.5


def _inverse_map(
    linear: Float64[np.ndarray, "2 2"], centre: Float64[np.ndarray, " 2"], side_px: int
) -> Float64[np.ndarray, "2 3"]:
    """Return OpenCV's matrix (x before y) from pixels of the tile to those of the image."""
    back = np.linalg.inv(linear)
    middle = np.full(2, (side_px - 1) / 2)
    shift = centre - back @ middle
    return np.array([[back[1, 1], back[1, 0], shift[1]], [back[0, 1], back[0, 0], shift[0]]])


def _warped(
    planes: Shaped[np.ndarray, "plane height width"], to_image: Float64[np.ndarray, "2 3"], side_px: int, method: int
) -> Float32[np.ndarray, "plane side side"]:
    """Return the planes of a tile; only the part of the image inside the tile is read."""
    corners = np.array([[0, 0], [side_px, 0], [0, side_px], [side_px, side_px]]) @ to_image[:, :2].T + to_image[:, 2]
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    high = np.maximum(np.ceil(corners.max(axis=0)).astype(int) + 3, low + 1)
    part = np.asarray(planes[:, low[1] : high[1], low[0] : high[0]], np.float32)
    local = to_image.copy()
    local[:, 2] -= low
    out = np.zeros((len(planes), side_px, side_px), np.float32)
    flags = method | cv2.WARP_INVERSE_MAP
    for index, plane in enumerate(part):
        if plane.size:
            cv2.warpAffine(plane, local, (side_px, side_px), out[index], flags, cv2.BORDER_CONSTANT)
    return out
