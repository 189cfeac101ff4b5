"""Finding the two stains of a picture in the picture itself: by angles (Macenko) or by factors (Vahadane).

Macenko et al. (ISBI 2009): densities of tissue lie in the plane of two stains; the extreme directions in that plane are
the stains. Vahadane et al. (IEEE Transactions on Medical Imaging 35:1962, 2016): densities are a product of sparse
amounts and two vectors, none negative; found here by multiplicative updates (Hoyer, NNSP 2002) from Macenko's vectors.

Own code, because no library fits tiles of a training set: torchstain (MIT) and albumentations' `HEStain` stop at tiles
without tissue, which every section has; the first gives 8 bits back, the second knows no reference to normalise to;
staintools is no longer kept and needs a compiled solver under the GPL (spams).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32

from hpa.core.errors import InputError
from hpa.pixels.stain.density import density_of, is_lit
from hpa.pixels.stain.profile import StainProfile

_MIN_PIXELS = 50
_MAX_PIXELS = 20_000
"""Stains are measured on about so many pixels of a regular grid: more of them do not make angles more exact."""
_STRENGTH_PERCENTILE = 99.0
_TINY = 1e-6


@runtime_checkable
class StainSeparation(Protocol):
    """A way to find the stains of a picture."""

    def profile(self, picture: Float32[np.ndarray, "height width 3"]) -> StainProfile | None:
        """Return the profile of its two stains, None where the picture does not have two separable ones."""


class Macenko:
    """Takes the extreme directions of density.

    Args:
        tissue_density: Pixels whose density is below in every colour are glass.
        angle_percentile: Extreme directions are this percentile and 100 minus it, against noise.
        min_angle_deg: Directions that lie closer are one stain.

    Raises:
        InputError: If a number is out of range.
    """

    def __init__(self, tissue_density: float, angle_percentile: float, min_angle_deg: float) -> None:
        if tissue_density <= 0 or not 0 <= angle_percentile < 50 or min_angle_deg <= 0:
            raise InputError(
                "stains need tissue_density > 0, 0 <= angle_percentile < 50 and min_angle_deg > 0; came "
                f"{tissue_density}, {angle_percentile} and {min_angle_deg}."
            )
        self.tissue_density = tissue_density
        self.angle_percentile = angle_percentile
        self.min_angle_deg = min_angle_deg

    def profile(self, picture: Float32[np.ndarray, "height width 3"]) -> StainProfile | None:
        """Return the profile of its two stains, None where the picture does not have two separable ones."""
        tissue = tissue_densities(picture, self.tissue_density)
        if len(tissue) < _MIN_PIXELS:
            return None
        _, axes = np.linalg.eigh(np.cov(tissue.T))
        plane = axes[:, [2, 1]]  # the two widest directions, widest first
        plane = plane * np.where(plane.sum(axis=0) < 0, -1, 1)
        along = tissue @ plane
        angles = np.arctan2(along[:, 1], along[:, 0])
        extremes = np.percentile(angles, [self.angle_percentile, 100 - self.angle_percentile])
        vectors = np.maximum(np.stack([np.cos(extremes), np.sin(extremes)], axis=1) @ plane.T, 0)
        return profile_of(vectors, tissue, self.min_angle_deg)


class Vahadane:
    """Factors density into sparse amounts of two stains.

    Args:
        start: Finds the vectors to start from.
        sparsity: Penalty on amounts (densities): higher values separate the stains more strictly.
        updates: Number of updates; the vectors hardly change after 100.

    Raises:
        InputError: If a number is out of range.
    """

    def __init__(self, start: Macenko, sparsity: float, updates: int) -> None:
        if sparsity < 0 or updates < 1:
            raise InputError(f"Vahadane needs sparsity >= 0 and updates >= 1; came {sparsity} and {updates}.")
        self.start = start
        self.sparsity = sparsity
        self.updates = updates

    def profile(self, picture: Float32[np.ndarray, "height width 3"]) -> StainProfile | None:
        """Return the profile of its two stains, None where the picture does not have two separable ones."""
        first = self.start.profile(picture)
        if first is None:
            return None
        tissue = tissue_densities(picture, self.start.tissue_density)
        vectors = first.vectors.astype(np.float64)
        amounts = first.amounts(tissue).astype(np.float64) + _TINY
        for _ in range(self.updates):
            amounts *= (tissue @ vectors.T) / (amounts @ (vectors @ vectors.T) + self.sparsity + _TINY)
            vectors *= (amounts.T @ tissue) / (amounts.T @ amounts @ vectors + _TINY)
            lengths = np.linalg.norm(vectors, axis=1) + _TINY
            vectors /= lengths[:, None]
            amounts *= lengths
        return profile_of(vectors, tissue, self.start.min_angle_deg)


def tissue_densities(
    picture: Float32[np.ndarray, "height width 3"], tissue_density: float
) -> Float32[np.ndarray, "pixel 3"]:
    """Return the densities of tissue pixels, of a grid of at most about 20,000 pixels."""
    step = max(1, int(np.sqrt(picture[..., 0].size / _MAX_PIXELS)))
    grid = np.ascontiguousarray(picture[::step, ::step])
    density = density_of(grid)
    return density[(density.max(axis=2) >= tissue_density) & is_lit(grid)]


def profile_of(
    vectors: Float[np.ndarray, "2 3"], tissue: Float32[np.ndarray, "pixel 3"], min_angle_deg: float
) -> StainProfile | None:
    """Return the profile of two stains, first the one that absorbs more red (haematoxylin); None where they are one."""
    lengths = np.linalg.norm(vectors, axis=1)
    if (lengths < _TINY).any():
        return None
    directions = vectors / lengths[:, None]
    if np.degrees(np.arccos(np.clip(directions[0] @ directions[1], -1, 1))) < min_angle_deg:
        return None
    directions = directions[np.argsort(-directions[:, 0])]
    amounts = StainProfile(directions, (1.0, 1.0)).amounts(tissue)
    strengths = np.percentile(amounts, _STRENGTH_PERCENTILE, axis=0)
    return StainProfile(directions, strengths) if (strengths > _TINY).all() else None
