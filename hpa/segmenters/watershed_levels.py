"""What the watershed takes from a whole image: its background and thresholds; the rest of its arithmetic is local."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8, UInt16

_ROUNDING = 1e-6
"""Brightness, of full scale, below which differences are rounding errors: a tenth of a grey level of 16 bits."""

Plane = Float32[np.ndarray, "height width"]
Stored = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]


@dataclass(frozen=True)
class WatershedLevels:
    """Thresholds of a whole image.

    Attributes:
        nucleus: Of nuclei, on a square-root scale; None where nothing stands out enough to be one.
        tops: Level of each cytoplasm stain that counts as bright.
        cell: Of the stretched cytoplasm.
    """

    nucleus: float | None = None
    tops: tuple[float, ...] = ()
    cell: float = 0.0


def smoothed(small: Stored, smoothing_um: float, um: float) -> Plane:
    """Return a shrunk plane in [0, 1], blurred."""
    plane = small.astype(np.float32)
    plane /= np.iinfo(small.dtype).max
    return _blurred(plane, smoothing_um / um)


def coarse_size(background_um: float, size: tuple[int, int], um: float) -> tuple[int, int]:
    """Return the size of the coarse copy that the background is found in: 16 pixels a window are enough."""
    step = _coarse_step(background_um, um)
    return max(1, size[0] // step), max(1, size[1] // step)


def darkest_of(coarse: Plane, background_um: float, um: float) -> Plane:
    """Return the background of a coarse copy: the darkest value in a window, smoothed."""
    window = odd_width(background_um / um / _coarse_step(background_um, um))
    return _blurred(cv2.erode(coarse, np.ones((window, window), np.uint8)), window / 2)


def above(plane: Plane, background: Plane) -> Plane:
    """Return how far a plane lies above its background, 0 where it does not."""
    return cv2.threshold(plane - background, _ROUNDING, 0, cv2.THRESH_TOZERO)[1]


def top_level(mean: float, deviation: float) -> float:
    """Return the level of a stain that counts as bright."""
    return mean + 3 * deviation


def stretched(planes: Sequence[Plane], tops: Sequence[float]) -> Plane:
    """Return the mean of planes, each on a square-root scale from background 0 to bright 1."""
    total = np.zeros_like(planes[0])
    for plane, top in zip(planes, tops, strict=True):
        if top > 0:
            total += np.sqrt(np.minimum(plane / top, 1))
    return total / np.float32(len(planes))


def noise_step_px(smoothing_um: float, um: float) -> int:
    """Return how far apart pixels are whose difference is noise: beyond the blur."""
    return max(1, round(3 * smoothing_um / um))


def otsu(plane: Plane) -> float:
    """Return Otsu's threshold, 0 of a black plane."""
    top = float(plane.max(initial=0))
    if top <= 0:
        return 0.0
    threshold, _ = cv2.threshold((plane * (255 / top)).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    return threshold * top / 255


def odd_width(width_px: float) -> int:
    """Return the nearest odd width."""
    return 2 * round((width_px - 1) / 2) + 1 if width_px > 1 else 1


def _coarse_step(background_um: float, um: float) -> int:
    return max(1, round(background_um / um / 16))


def _blurred(plane: Plane, sigma_px: float) -> Plane:
    # below a third of a pixel the kernel is a single point
    return cv2.GaussianBlur(plane, (0, 0), sigma_px) if sigma_px > 1 / 3 else plane
