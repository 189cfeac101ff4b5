"""Prostate: lobed glands (the FTUs) with folded epithelium, far apart in a stroma of muscle fibres."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.simulation.texture import smooth_noise
from hpa.simulation.tissue.materials import Materials, spots_of
from hpa.simulation.tissue.placing import blob_at, scattered

_GLANDS_PER_MM2 = 26.0


def prostate(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Materials:
    """Draw a section: each gland has a dark rim of nuclei, folds that reach into its lumen, and an uneven outline."""
    section = Materials.blank(shape, pixel_um, cytoplasm=0.2, matrix=0.7, nuclear_density=0.16)
    section.matrix[:] = 0.7 + 0.3 * _fibres(rng, shape, pixel_um)
    height_um, width_um = section.size_um
    count = max(2, round(_GLANDS_PER_MM2 * height_um * width_um * 1e-6))
    radii = np.exp(rng.uniform(np.log(45), np.log(130), count))
    for x, y, radius in scattered(rng, section.size_um, [float(radius) for radius in radii], gap_um=24.0):
        _gland(rng, section, x, y, radius)
    return section


def _gland(rng: np.random.Generator, section: Materials, x: float, y: float, radius: float) -> None:
    for spot in spots_of([blob_at(rng, x, y, radius, 1.9, 0.2)], section):
        height, width = spot.depth_um.shape
        folds = smooth_noise(rng, height, width, max(2.0, 45 / section.pixel_um))
        spot.put(section.matrix, 0.0, 0.0, np.inf)
        spot.put(section.cytoplasm, 0.75, 0.0, np.inf)
        spot.put(section.membrane, 0.3, -1.5, 1.0)
        spot.put(section.nuclear_density, 0.0, 0.0, np.inf)
        spot.put(section.nuclear_density, 0.95, 1.0, 11.0)
        lumen = spot.depth_um > 24 + 14 * folds
        section.opening[spot.window][lumen & (spot.depth_um > 13)] = 1
        section.ftu_mask[spot.window] |= spot.depth_um > 0


def _fibres(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Float32[np.ndarray, "height width"]:
    """Return streaks in [-1, 1] along one direction that bends: noise, sheared by a smooth field."""
    height, width = shape
    across, bend = 9 / pixel_um, 60 * smooth_noise(rng, height, width, max(4.0, 300 / pixel_um)) / pixel_um
    streaks = cv2.blur(smooth_noise(rng, height, width, max(1.0, across)), (max(1, round(70 / pixel_um)), 1))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.tanh(2 * cv2.remap(streaks, x, y + bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
