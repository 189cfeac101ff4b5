"""Whether the planes of a field can be what they claim: not blank, and all of the same field.

Stains of one field depend on each other: the nucleus is dark in one, half bright in another, but always of some kind.
Dependence is measured as for contingency tables, by the correlations of level and of squared level (each with each), so
that rings and holes count as much as likeness. It is computed at all shifts: the planes shifted far away are the null
distribution, made of the field itself, and no assumption about brightness, cell size or crowding is needed. A channel
of mere noise (a protein that is not there) is recognised by two thinned images of it, of other rows, which then do not
resemble each other; nothing is concluded from it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from hpa.core.errors import Problem
from hpa.core.field import Field

_SIDE_PX = 256
"""About the longer side of the planes compared: a cell is then some 20 px wide, its organelles are blurred away."""
_FINE_SIGMA_PX = 1.0
_COARSE_SIGMA_PX = 12.0
"""Structure is what lies between the two blurs: no camera noise, no uneven illumination, no density of cells."""
_CLIP_DEVIATIONS = 3.0
"""Where structure is cut off: debris must not decide."""
_SHIFT_PX = 4
"""Shift between channels that is forgiven (32 px of 2048): stage drift, chromatic aberration."""
_FAR_SHARE = 1 / 8
"""Shifts beyond this share of the side serve as the null distribution."""
_ENOUGH_DEVIATIONS = 4.5
"""What the best partner of a channel must reach, in standard deviations of the dependence at far shifts. Measured on
twelve real fields: 5.9 or more for true channels; on 69 dense synthetic ones: 5.8 or more. Of channels put into other
fields 99 % stay below 4.4."""
_ENOUGH_DEVIATIONS_OF_A_PAIR = 2.0
"""The same where there are but two channels: a protein outside the nucleus may depend on it little."""
_ENOUGH_RESEMBLANCE = 0.5
"""Correlation of the thinned images below which a plane is noise."""


class PixelFindings(NamedTuple):
    """What is wrong with a field (it cannot be used), and what is unusual about it."""

    problems: list[Problem]
    warnings: list[Problem]


def check_pixels(field: Field) -> PixelFindings:
    """Look for blank planes and for channels of another field.

    A field without any structure is a problem; single blank channels and channels that fit no other are warnings.
    """
    blank = [bool(plane.min() == plane.max()) for plane in field.pixels]
    if all(blank):
        levels = ", ".join(f"{name} {plane.flat[0]}" for name, plane in zip(field.channels, field.pixels, strict=True))
        reason = f"all planes are blank (value everywhere: {levels}); export the image again or take it out"
        return PixelFindings([Problem(field.image_id, reason)], [])
    warnings = [
        Problem(field.image_id, f"channel {name} is blank ({plane.flat[0]} everywhere); check the export")
        for name, plane, is_blank in zip(field.channels, field.pixels, blank, strict=True)
        if is_blank
    ]
    mismatched = mismatched_channels(field)
    if mismatched:
        warnings.append(Problem(field.image_id, f"channel {_mismatch_reason(field, mismatched)}"))
    return PixelFindings([], warnings)


def mismatched_channels(field: Field) -> tuple[str, ...]:
    """Return the channels that agree with no other; channels of noise or without a partner are not judged."""
    structures = {
        name: structure
        for name, plane in zip(field.channels, field.pixels, strict=True)
        if (structure := structure_of(plane)) is not None
    }
    agrees = dict.fromkeys(structures, len(structures) < 2)
    names = list(structures)
    enough = _ENOUGH_DEVIATIONS if len(names) > 2 else _ENOUGH_DEVIATIONS_OF_A_PAIR
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            if agrees[first] and agrees[second]:
                continue
            if agreement_of(structures[first], structures[second]) >= enough:
                agrees[first] = agrees[second] = True
    return tuple(name for name, is_known in agrees.items() if not is_known)


def structure_of(
    plane: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"],
) -> Float32[np.ndarray, "2 small_height small_width"] | None:
    """Return the cell-scale structure of a plane: level and squared level, uncorrelated, mean 0 and deviation 1.

    None where there is only noise.
    """
    step = max(1, round(max(plane.shape) / _SIDE_PX))  # whole steps, for which the reduction is fastest
    height, width = (max(1, side // step) for side in plane.shape)
    whole = plane[: height * step, : width * step]
    # One row of each step, half a step apart: farther than the optics spread the noise of a pixel.
    halves = (whole[0::step], whole[step // 2 :: step])
    first, second = (_band(cv2.resize(half, (width, height), interpolation=cv2.INTER_AREA)) for half in halves)
    if float((first * second).mean()) < _ENOUGH_RESEMBLANCE:
        return None
    level = _band(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))
    square = level * level
    square -= (square * level).mean() * level
    return np.stack([level, _standardised(square)])


def agreement_of(first: Float32[np.ndarray, "2 height width"], second: Float32[np.ndarray, "2 height width"]) -> float:
    """Return how much two structures depend on each other, in deviations of their dependence at far shifts."""
    height, width = first.shape[1:]
    waves = np.fft.rfft2(first)[:, None] * np.conj(np.fft.rfft2(second))  # (first's, second's, frequency, frequency)
    correlations = np.fft.irfft2(waves, (height, width)) / (height * width)  # at all circular shifts
    dependence = np.sqrt((correlations**2).sum(axis=(0, 1)))  # (height, width)
    down, right = np.abs(np.fft.fftfreq(height) * height), np.abs(np.fft.fftfreq(width) * width)
    shift = np.maximum(down[:, None], right)  # (height, width): how far each entry is shifted, px
    far = dependence[shift > _FAR_SHARE * min(height, width)]
    if not len(far):
        return 0.0
    peak = dependence[shift <= _SHIFT_PX].max()
    return float((peak - far.mean()) / max(float(far.std()), 1e-9))


def _band(
    small: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"],
) -> Float32[np.ndarray, "height width"]:
    """Return what lies between the fine and the coarse blur; the root evens out the noise of bright pixels."""
    root = np.sqrt(small.astype(np.float32))
    fine = cv2.GaussianBlur(root, (0, 0), _FINE_SIGMA_PX)
    return _standardised(fine - _coarse_blur(root))


def _coarse_blur(image: Float32[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    """Blur widely at a quarter of the size, where the same blur costs a sixteenth."""
    height, width = image.shape
    quarter = cv2.resize(image, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(quarter, (0, 0), _COARSE_SIGMA_PX / 4), (width, height))


def _standardised(image: Float32[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    centre, spread = float(image.mean()), float(image.std())
    clipped = np.clip(image, centre - _CLIP_DEVIATIONS * spread, centre + _CLIP_DEVIATIONS * spread)
    clipped -= clipped.mean()
    return clipped / max(float(clipped.std()), 1e-9)


def _mismatch_reason(field: Field, mismatched: tuple[str, ...]) -> str:
    others = [name for name in field.channels if name not in mismatched]
    with_what = f"those of {', '.join(others)}" if others else "each other's"
    names = " and ".join(mismatched)
    return f"{names} may be of another field: its cells do not lie where {with_what} do; check the files"
