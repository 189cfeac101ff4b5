"""Star-shaped outlines: the distance from a centre to the border as a table over the angle."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32

BINS = 512
_ANGLES = np.arange(BINS) * (2 * np.pi / BINS)


def wavy_outline(
    rng: np.random.Generator,
    radius_um: float,
    elongation: float,
    angle: float,
    roughness: float,
) -> Float[np.ndarray, " bin"]:
    """Return an ellipse of the area of a circle of `radius_um`, long axis at `angle` (radians), with random waves."""
    long, short = radius_um * np.sqrt(elongation), radius_um / np.sqrt(elongation)
    relative = _ANGLES - angle
    ellipse = long * short / np.hypot(short * np.cos(relative), long * np.sin(relative))
    orders = np.arange(2, 9)
    heights = rng.normal(0, roughness, len(orders)) / (orders - 1)
    spectrum = np.zeros(BINS // 2 + 1, np.complex128)
    spectrum[orders] = heights * np.exp(2j * np.pi * rng.random(len(orders))) * BINS / 2
    waves = np.fft.irfft(spectrum, BINS)
    return ellipse * np.exp(np.clip(waves, -0.5, 0.5))


def with_protrusions(
    rng: np.random.Generator, outline_um: Float[np.ndarray, " bin"], count: int, length_um: float
) -> Float[np.ndarray, " bin"]:
    """Return the outline with `count` pointed extensions of about `length_um`."""
    longer = outline_um.copy()
    for _ in range(count):
        away = np.angle(np.exp(1j * (_ANGLES - rng.uniform(0, 2 * np.pi))))
        longer += length_um * rng.uniform(0.5, 1.3) * np.exp(-np.abs(away) / rng.uniform(0.12, 0.3))
    return longer


def relative_distance(
    x: Float32[np.ndarray, "height width"],
    y: Float32[np.ndarray, "height width"],
    outline_um: Float[np.ndarray, " bin"],
) -> Float32[np.ndarray, "height width"]:
    """Return distance from the centre over distance of the border: below 1 inside.

    Args:
        x: Offsets from the centre to the right, µm.
        y: Offsets downwards, µm.
        outline_um: Distance of the border by angle.
    """
    distance, angle = cv2.cartToPolar(x, y)
    index = (angle * np.float32(BINS / (2 * np.pi))).astype(np.int32) % BINS
    return distance / outline_um.astype(np.float32)[index]
