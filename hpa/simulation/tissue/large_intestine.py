"""Mucosa of the large intestine: crypts (the FTUs), rows of tubes full of goblet cells, cut across or along."""

from __future__ import annotations

import numpy as np

from hpa.simulation.outline import wavy_outline
from hpa.simulation.texture import smooth_noise
from hpa.simulation.tissue.materials import Blob, Materials, spots_of
from hpa.simulation.tissue.placing import packed

_CRYPT_SPACING_UM = 94.0


def large_intestine(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Materials:
    """Draw a section: crypts side by side in a stroma of small round cells; below them muscle, and loose tissue."""
    section = Materials.blank(shape, pixel_um, cytoplasm=0.1, matrix=0.35, nuclear_density=0.32)
    depth_um = _depth_below_mucosa(rng, section)
    elongation, angle = float(rng.uniform(1.05, 1.9)), float(rng.uniform(0, np.pi))
    for x, y in packed(rng, section.size_um, _CRYPT_SPACING_UM * float(np.sqrt(elongation)), 0.1):
        row, column = int(y / pixel_um), int(x / pixel_um)
        inside = 0 <= row < shape[0] and 0 <= column < shape[1]
        if not inside or depth_um[row, column] < -45:
            radius = float(rng.uniform(36, 45))
            crypt = Blob(float(x), float(y), wavy_outline(rng, radius, elongation, angle + rng.normal(0, 0.15), 0.03))
            _crypt(rng, section, crypt)
    muscle = (depth_um > 0) & (depth_um < 45)
    below = depth_um >= 45
    section.matrix[muscle], section.cytoplasm[muscle], section.nuclear_density[muscle] = 0.75, 0.35, 0.3
    section.matrix[below], section.cytoplasm[below], section.nuclear_density[below] = 0.45, 0.0, 0.06
    section.ftu_mask[depth_um > 0] = False
    for plane in (section.membrane, section.opening):
        plane[depth_um > 0] = 0
    section.opening[below] = 0.5 * (smooth_noise(rng, *shape, 30 / pixel_um) > 0.6)[below]
    return section


def _depth_below_mucosa(rng: np.random.Generator, section: Materials) -> np.ndarray:
    """Return how far each pixel lies beyond the wavy line where crypts end; one side of the section, up to a third."""
    height, width = section.ftu_mask.shape
    y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(section.pixel_um)
    angle = float(rng.uniform(0, 2 * np.pi))
    along = np.cos(angle) * (x - x.mean()) + np.sin(angle) * (y - y.mean())
    line = float(rng.uniform(0.18, 0.6)) * max(section.size_um)
    waves = 14 * smooth_noise(rng, height, width, max(4.0, 150 / section.pixel_um))
    return along - line + waves


def _crypt(rng: np.random.Generator, section: Materials, crypt: Blob) -> None:
    for spot in spots_of([crypt], section):
        spot.put(section.matrix, 0.0, 0.0, np.inf)
        spot.put(section.cytoplasm, 0.7, 0.0, np.inf)
        spot.put(section.membrane, 0.35, -1.5, 1.0)
        spot.put(section.nuclear_density, 0.0, 0.0, np.inf)
        spot.put(section.nuclear_density, 0.85, 1.5, 9.0)
        height, width = spot.depth_um.shape
        goblets = smooth_noise(rng, height, width, max(2.0, 9 / section.pixel_um)) > -0.2
        goblets &= (spot.depth_um > 10) & (spot.depth_um < 27)
        section.membrane[spot.window][goblets] = 1.0  # mucus: pale in most stains, magenta in PAS
        section.cytoplasm[spot.window][goblets] = 0.05
        spot.put(section.opening, 1.0, 32.0, np.inf)
        section.ftu_mask[spot.window] |= spot.depth_um > 0
