"""Predicting an image of any size tile by tile, without seams and without holding more than one batch of tiles.

Tiles lie on a grid that is spread evenly over the image, so that no tile hangs over its edge. Where tiles overlap their
predictions are averaged with Gaussian weights, because predictions are worst at a tile's border (Isensee et al., Nature
Methods 18:203, 2021, whose width of an eighth of the side is kept). The grid is a product of rows and columns, and so
is the Gaussian: the total weight of a pixel is a product of two short vectors, and no map of weights is held.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped

from hpa.core.errors import InputError

_SIGMA_SHARE = 0.125
"""Standard deviation of the weights as a share of a tile's side."""

_SIDE_STEP_PX = 32
"""Networks halve their input five times: other sides would be padded."""

PredictTiles = Callable[
    [Shaped[np.ndarray, "tile channel side side"]],
    Float32[np.ndarray, "tile plane side side"],
]
"""A network: tiles in, as many maps of the same size out, of any number of planes."""


def tile_corners(height: int, width: int, side_px: int, overlap_px: int) -> list[tuple[int, int]]:
    """Return the upper left corners (y, x) of square tiles that cover an image, row by row.

    Neighbours share at least `overlap_px`, and no more tiles are used than that takes. Along a side that is shorter
    than a tile there is one tile, which starts at 0.

    Raises:
        InputError: If a length is not positive, or tiles overlap by a whole side.

    >>> tile_corners(10, 4, side_px=4, overlap_px=1)
    [(0, 0), (3, 0), (6, 0)]
    """
    rows, columns = starts(height, side_px, overlap_px), starts(width, side_px, overlap_px)
    return [(int(y), int(x)) for y in rows for x in columns]


def thriftiest_side(height: int, width: int, max_side_px: int, overlap_px: int) -> int:
    """Return the side, from the largest down to half of it, whose tiles cover an image with the fewest pixels.

    Overlaps cost: of 1388 x 1040 px, tiles of 1024 px predict 2.9 times the pixels, tiles of 576 px 1.4 times.

    Raises:
        InputError: As `tile_corners`.

    >>> [thriftiest_side(side, side, 1024, 64) for side in (1024, 1100, 2048)]
    [1024, 608, 736]
    """
    least = max(max_side_px // 2, overlap_px + 1)
    sides = [max_side_px, *range(max_side_px - _SIDE_STEP_PX, least - 1, -_SIDE_STEP_PX)]
    return min(sides, key=lambda side: len(tile_corners(height, width, side, overlap_px)) * side**2)


def blend_weights(side_px: int) -> Float32[np.ndarray, "side side"]:
    """Return the weight of each pixel of a tile: a Gaussian, nowhere 0."""
    along = profile(side_px)
    return np.outer(along, along).astype(np.float32)


def predict_tiled(
    image: Shaped[np.ndarray, "channel height width"],
    side_px: int,
    overlap_px: int,
    batch_tiles: int,
    predict: PredictTiles,
) -> Float32[np.ndarray, "plane height width"]:
    """Return the prediction for a whole image, blended from overlapping tiles.

    Args:
        image: Planes of any type; tiles are handed on in this type.
        side_px: Side of a tile. A shorter image is padded by reflection, and the prediction cropped.
        overlap_px: Minimum overlap of neighbours.
        batch_tiles: How many tiles are predicted at a time; the last batch may be smaller.
        predict: The network.

    Raises:
        InputError: If a length is out of range.
    """
    if batch_tiles < 1:
        raise InputError(f"batch_tiles={batch_tiles}: at least one tile at a time is expected.")
    height, width = image.shape[-2:]
    rows, columns = starts(height, side_px, overlap_px), starts(width, side_px, overlap_px)
    corners = [(int(y), int(x)) for y in rows for x in columns]
    padded = padded_to(image, side_px)
    weights = blend_weights(side_px)
    total: Float32[np.ndarray, "plane rows columns"] | None = None
    for first in range(0, len(corners), batch_tiles):
        batch = corners[first : first + batch_tiles]
        maps = predict(np.stack([padded[:, y : y + side_px, x : x + side_px] for y, x in batch]))
        if total is None:
            total = np.zeros((maps.shape[1], *padded.shape[-2:]), np.float32)
        for (y, x), tile in zip(batch, maps, strict=True):
            total[:, y : y + side_px, x : x + side_px] += tile * weights
    assert total is not None  # there is at least one tile
    total /= _total_weight(rows, side_px, padded.shape[-2])[:, None]
    total /= _total_weight(columns, side_px, padded.shape[-1])
    return total[:, :height, :width]


def starts(length: int, side_px: int, overlap_px: int) -> Int64[np.ndarray, " tile"]:
    """Return where tiles start along one side."""
    if min(length, side_px) < 1 or not 0 <= overlap_px < side_px:
        raise InputError(
            f"a side of {length} px, tiles of {side_px} px that overlap by {overlap_px} px: positive lengths are "
            "expected, and an overlap from 0 to less than a tile's side."
        )
    if length <= side_px:
        return np.zeros(1, np.int64)
    gaps = -(-(length - side_px) // (side_px - overlap_px))  # rounded up
    return np.arange(gaps + 1) * (length - side_px) // gaps


def profile(side_px: int) -> Float64[np.ndarray, " side"]:
    """Return the weights along one side of a tile, highest at its middle."""
    offsets = (np.arange(side_px) - (side_px - 1) / 2) / (_SIGMA_SHARE * side_px)
    return np.exp(-0.5 * offsets**2)


def _total_weight(starts: Int64[np.ndarray, " tile"], side_px: int, length: int) -> Float32[np.ndarray, " length"]:
    """Return the sum of the weights of all tiles along one side of the image."""
    total = np.zeros(length)
    for start in starts:
        total[start : start + side_px] += profile(side_px)
    return total.astype(np.float32)


def padded_to(
    image: Shaped[np.ndarray, "channel height width"], side_px: int
) -> Shaped[np.ndarray, "channel padded_height padded_width"]:
    """Return the image, padded by reflection at the bottom and right where it is smaller than a tile."""
    missing = [max(0, side_px - length) for length in image.shape[-2:]]
    return np.pad(image, [(0, 0), (0, missing[0]), (0, missing[1])], mode="reflect") if any(missing) else image
