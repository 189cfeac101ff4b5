"""Measures of whether an image is worth keeping: sharpness, saturation, evenness, debris, signal, agreement.

Noise must not pass for sharpness, nor for signal: both are products of two halves of a plane (its even and its odd
rows), between which the noise of pixels is independent and cancels in the mean. Focus is measured by the shape of the
spectrum, fine over coarse structure, as in the review of Bray et al. (J Biomol Screen 17:266, 2012), not by brightness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt16

from hpa.core.field import Field
from hpa.intake.debris import Box, debris_of
from hpa.sources.pixel_check import agreement_of, structure_of

_FINE_PX = (1.0, 2.0)
_COARSE_PX = (4.0, 8.0)
"""Standard deviations of the blurs between which structure is fine or coarse."""
_SIGNAL_SIDE_PX = 256
_FOREGROUND_SAMPLE = 20_000
_MIN_FOREGROUND_PX = 500

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]
Grey = Float32[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True)
class FieldMeasures:
    """What is measured of one image.

    Attributes:
        signal: Correlation of the structure of the two halves, of the worst channel: about 0 of noise, 1 of cells.
        sharpness: Of each channel fine over coarse structure, as a ratio of standard deviations; NaN without signal.
        saturated_share: Share of pixels at the highest number of a plane, where more than one has it; of the worst.
        unevenness: Brightest over dimmest end of the illumination, estimated from the foreground; of the best channel,
            since uneven light is seen in all of them, uneven cells in one.
        debris_share: Share of the image in the largest region of debris, as in `quality_debris`.
        agreement: How well the worst channel fits any other, in deviations of chance; NaN where there is but one.
        places: Where a fault lies, by its name: `debris`, `saturation`; the largest region of it.
    """

    signal: float
    sharpness: dict[str, float]
    saturated_share: float
    unevenness: float
    debris_share: float
    agreement: float
    places: dict[str, Box] = field(default_factory=dict)


def measure_field(image: Field, debris_factor: float) -> FieldMeasures:
    """Return what is measured of an image.

    Args:
        image: Its pixels.
        debris_factor: How many times brighter than a middling pixel of cells debris is.
    """
    levels = [plane.astype(np.float32) for plane in image.pixels]
    foregrounds = [_foreground(level) for level in levels]
    debris, debris_box = debris_of(levels, foregrounds, debris_factor)
    saturated = max(image.pixels, key=_saturated_share)
    boxes = {"debris": debris_box, "saturation": _plateau_of(saturated)}
    uneven = [_unevenness(level, mask) for level, mask in zip(levels, foregrounds, strict=True)]
    return FieldMeasures(
        signal=min(_signal_of(level) for level in levels),
        sharpness={name: _sharpness(level) for name, level in zip(image.channels, levels, strict=True)},
        saturated_share=_saturated_share(saturated),
        unevenness=min((value for value in uneven if not math.isnan(value)), default=math.nan),
        debris_share=debris,
        agreement=agreement(image),
        places={fault: box for fault, box in boxes.items() if box is not None},
    )


def agreement(field: Field) -> float:
    """Return how well the worst channel of a field fits any other, in deviations of chance; NaN where none can say."""
    structures = [structure for plane in field.pixels if (structure := structure_of(plane)) is not None]
    if len(structures) < 2:
        return math.nan
    return min(
        max(agreement_of(one, other) for place, other in enumerate(structures) if place != index)
        for index, one in enumerate(structures)
    )


def _halves(
    plane: Plane | Grey,
) -> tuple[Float32[np.ndarray, "half width"], Float32[np.ndarray, "half width"]]:
    """Return the roots of even and odd rows: on this scale photon noise is even."""
    height = plane.shape[0] // 2 * 2
    root = np.sqrt(plane.astype(np.float32))
    return root[0:height:2], root[1:height:2]


def _sharpness(level: Grey) -> float:
    if len(level) < 2:  # one row has no halves
        return math.nan
    even, odd = _halves(level)
    fine, coarse = (_shared(even, odd, low, high) for low, high in (_FINE_PX, _COARSE_PX))
    return float(np.sqrt(max(fine, 0.0) / coarse)) if coarse > 0 else math.nan


def _shared(first: Grey, second: Grey, low_px: float, high_px: float) -> float:
    """Return the covariance of two planes' structure between two blurs; rows are two pixels apart."""
    return float(np.mean(_band(first, low_px, high_px) * _band(second, low_px, high_px)))


def _band(plane: Grey, low_px: float, high_px: float) -> Grey:
    low, high = (cv2.GaussianBlur(plane, (0, 0), sigma, sigmaY=sigma / 2) for sigma in (low_px, high_px))
    return low - high


def _signal_of(level: Grey) -> float:
    """Return how much two thinned images of a plane resemble each other at the scale of cells."""
    if len(level) < 2:
        return 0.0
    step = max(1, round(max(level.shape) / _SIGNAL_SIDE_PX))
    height, width = (max(2, side // (2 * step)) for side in level.shape)
    small = [cv2.resize(half, (width, height), interpolation=cv2.INTER_AREA) for half in _halves(level)]
    bands = [cv2.GaussianBlur(half, (0, 0), 1) - cv2.GaussianBlur(half, (0, 0), 12) for half in small]
    spread = float(bands[0].std() * bands[1].std())
    return float(np.mean((bands[0] - bands[0].mean()) * (bands[1] - bands[1].mean()))) / spread if spread > 0 else 0.0


def _saturated_share(plane: Plane) -> float:
    """Return the share of pixels that have the highest number, 0 where it is a single pixel's: no plateau."""
    count = int(np.count_nonzero(plane == plane.max()))
    return count / plane.size if count > 1 else 0.0


def _plateau_of(plane: Plane) -> Box | None:
    """Return the box of the largest region of pixels that have the highest number, None where it is a single one."""
    top = (plane == plane.max()).view(np.uint8)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(top)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < 2:
        return None
    left, upper, width, height, _ = statistics[1 + int(areas.argmax())].tolist()
    return left, upper, width, height


def _foreground(level: Grey) -> Mask:
    """Return where the plane is brighter than Otsu's threshold of its roots."""
    root = np.sqrt(level)
    top = float(root.max())
    if top <= 0:
        return np.zeros(level.shape, bool)
    threshold, _ = cv2.threshold((root * (255 / top)).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    return root > threshold * top / 255


def _unevenness(level: Grey, foreground: Mask) -> float:
    """Fit the logarithm of brightness by a parabola over the image; return the ratio of its ends."""
    rows, columns = np.nonzero(foreground)
    if len(rows) < _MIN_FOREGROUND_PX:
        return math.nan
    stride = max(1, len(rows) // _FOREGROUND_SAMPLE)
    rows, columns = rows[::stride], columns[::stride]
    y, x = (2 * rows / level.shape[0] - 1), (2 * columns / level.shape[1] - 1)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    logs = np.log(level[rows, columns])
    weights, *_ = np.linalg.lstsq(terms, logs, rcond=None)
    fitted = terms @ weights
    low, high = np.percentile(fitted, [1, 99])
    return float(np.exp(high - low))
