"""Optical density: what stains add up to (Beer and Lambert), and light does not.

A stain of twice the amount lets through the square of the light; its density, minus the decadic logarithm of the light,
doubles. So stains are separated, changed and exchanged in density (Ruifrok and Johnston, Analytical and Quantitative
Cytology and Histology 23:291, 2001), and a picture is changed by the *difference* in density: where that is 0 the
picture stays as it is to the bit, white stays white and black stays black.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float32

MIN_LIGHT = 1 / 255
"""Darker pixels hold no measurable light: their density is that of this much."""


def density_of(
    picture: Float32[np.ndarray, "height width 3"],
) -> Float32[np.ndarray, "height width 3"]:
    """Return the optical density of a picture of red, green and blue light in [0, 1]: 0 where all light comes through.

    >>> [round(float(density), 3) for density in density_of(np.array([[[1, 0.1, 0.01]]], np.float32))[0, 0]]
    [0.0, 1.0, 2.0]
    """
    return -np.log10(np.clip(picture, np.float32(MIN_LIGHT), np.float32(1))) + np.float32(0)  # no -0 of white glass


def with_density_changed(
    picture: Float32[np.ndarray, "height width 3"], change: Float[np.ndarray, "height width 3"]
) -> Float32[np.ndarray, "height width 3"]:
    """Return the picture after its density rose by `change`, in [0, 1]."""
    light = np.power(np.float32(10), -change.astype(np.float32))
    return np.clip(picture * light, 0, 1)


def is_lit(picture: Float32[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """Return which pixels hold any light; the others lie outside the image, as the corners of a rotated tile do."""
    return picture.max(axis=2) >= MIN_LIGHT
