"""From planes of a field to the networks' input, and from their output back, as HPA-Cell-Segmentation does it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, Int, UInt8, UInt16
from scipy import sparse

from hpa.core.errors import InputError
from hpa.segmenters.hpa_cell.network import STRIDE

MEAN = (124 / 255, 117 / 255, 104 / 255)
STD = 1 / (0.0167 * 255)
"""Normalisation of the three planes in training (that of DPN on ImageNet)."""
_GAUSSIAN_REACH = 4.0
"""The Gaussian is truncated after this many standard deviations."""

Small = Float64[np.ndarray, "small_height small_width"]


def rescaled(
    plane: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"], scale: float
) -> Float64[np.ndarray, "small_height small_width"]:
    """Return a plane in [0, 1] of `scale` times the size: blurred against aliasing, then sampled linearly."""
    size = [max(1, round(length * scale)) for length in plane.shape]
    rows, columns = (_resampling(length, new) for length, new in zip(plane.shape, size, strict=True))
    return (columns @ (rows @ (plane / np.iinfo(plane.dtype).max)).T).T


@lru_cache(maxsize=16)
def _resampling(length: int, new_length: int) -> sparse.csr_array:
    """Return the matrix (new_length, length) that resamples one axis."""
    factor = length / new_length
    centres = (np.arange(new_length) + 0.5) * factor - 0.5
    lower = np.floor(centres).astype(np.int64)
    share = centres - lower
    sigma = max(0.0, (factor - 1) / 2)
    reach = int(_GAUSSIAN_REACH * sigma + 0.5)
    steps = np.arange(-reach, reach + 1)
    blur = np.exp(-0.5 * (steps / max(sigma, 1e-9)) ** 2)
    blur /= blur.sum()
    # axes: output pixel, one of two neighbours, step of the blur
    sources = _mirrored(lower[:, None, None] + np.array([0, 1])[:, None] + steps, length)
    weights = np.stack([1 - share, share], axis=1)[..., None] * blur
    targets = np.broadcast_to(np.arange(new_length)[:, None, None], sources.shape)
    entries = (weights.ravel(), (targets.ravel(), sources.ravel()))
    return sparse.csr_array(entries, shape=(new_length, length))


def _mirrored(index: Int[np.ndarray, "*axes"], length: int) -> Int[np.ndarray, "*axes"]:
    """Return indices folded back into an axis; the outermost pixel is not repeated."""
    period = max(1, 2 * (length - 1))
    folded = np.abs(index) % period
    return np.minimum(folded, period - folded)


def margins_of(length: int, reflect_margin: bool) -> tuple[int, int]:
    """Return how many pixels are put before and after an axis, so that the sum is a multiple of the network's stride.

    >>> margins_of(32, True), margins_of(33, True), margins_of(32, False), margins_of(33, False)
    ((32, 32), (32, 31), (0, 0), (0, 31))
    """
    after = -length % STRIDE
    return (STRIDE, after or STRIDE) if reflect_margin else (0, after)


def network_input(
    planes: tuple[Small, Small, Small], reflect_margin: bool
) -> Float32[np.ndarray, "3 padded_height padded_width"]:
    """Return three planes in [0, 1] padded by their mirror image and normalised."""
    height, width = planes[0].shape
    margins = margins_of(height, reflect_margin), margins_of(width, reflect_margin)
    padded = np.stack([np.pad(plane, margins, mode="symmetric") for plane in planes])
    return ((padded - np.array(MEAN)[:, None, None]) / STD).astype(np.float32)


def without_margin(
    planes: Float[np.ndarray, "3 padded_height padded_width"], size: tuple[int, int], reflect_margin: bool
) -> Float[np.ndarray, "small_height small_width 3"]:
    """Return probabilities as (height, width, 3), the padding cut off, the unused background plane set to 0."""
    top, left = (margins_of(length, reflect_margin)[0] for length in size)
    inner = planes[:, top : top + size[0], left : left + size[1]].transpose(1, 2, 0).copy()
    inner[..., 0] = 0
    return inner


def levels_of(probabilities: Float[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Return probabilities in 8 bits."""
    return np.rint(probabilities * 255).astype(np.uint8)


def full_size_planes(
    nuclei: Float[np.ndarray, "small_height small_width 3"],
    cells: Float[np.ndarray, "small_height small_width 3"],
    size: tuple[int, int],
) -> tuple[UInt8[np.ndarray, "height width 3"], UInt8[np.ndarray, "height width 3"]]:
    """Return both networks' planes in the size (height, width) of their field.

    In the original, nuclei are rounded before they are enlarged and cells after; the difference is a single level.
    """
    target = size[::-1]
    return (
        cv2.resize(levels_of(nuclei), target, interpolation=cv2.INTER_AREA),
        levels_of(cv2.resize(cells, target, interpolation=cv2.INTER_AREA)),
    )


def check_scale(image_id: str, scale: float, max_scale: float) -> None:
    """Refuse pixels too coarse to be enlarged.

    Raises:
        InputError: If the scale exceeds the limit.
    """
    if scale > max_scale:
        raise InputError(
            f"{image_id}: the network needs it enlarged {scale:.3g} times, the limit is {max_scale:g}; "
            "check data.pixel_um, or choose another segmenter."
        )
