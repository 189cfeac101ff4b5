"""Lung: alveoli (the FTUs), a foam of air spaces in thin walls, with a vessel and an airway here and there."""

from __future__ import annotations

import numpy as np

from hpa.simulation.tissue.materials import Materials, spots_of
from hpa.simulation.tissue.placing import away_from, blob_at, packed, scattered

_ALVEOLUS_SPACING_UM = 142.0
_TUBES_PER_MM2 = 2.5


def lung(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Materials:
    """Draw a section: round and dented air spaces, walls of one or two cells, thicker where several meet."""
    section = Materials.blank(shape, pixel_um, cytoplasm=0.45, matrix=0.4, nuclear_density=0.6)
    height_um, width_um = section.size_um
    count = int(rng.poisson(_TUBES_PER_MM2 * height_um * width_um * 1e-6))
    tubes = scattered(rng, section.size_um, [float(r) for r in rng.uniform(35, 90, count)], gap_um=60.0)
    for x, y in away_from(packed(rng, section.size_um, _ALVEOLUS_SPACING_UM, 0.1), tubes, gap_um=20.0):
        radius = float(rng.uniform(62, 76))
        for spot in spots_of([blob_at(rng, float(x), float(y), radius, 1.35, 0.07)], section):
            spot.put(section.opening, 1.0, 3.0, np.inf)
            spot.put(section.membrane, 0.35, 1.0, 4.0)
            section.ftu_mask[spot.window] |= spot.depth_um > 0
    for x, y, radius in tubes:
        _tube(rng, section, x, y, radius)
    return section


def _tube(rng: np.random.Generator, section: Materials, x: float, y: float, radius: float) -> None:
    """Draw an airway (epithelium inside a thin wall) or a vessel (a thick wall of muscle)."""
    is_airway = rng.random() < 0.5
    wall = 14.0 if is_airway else 0.45 * radius
    for spot in spots_of([blob_at(rng, x, y, radius, 1.3, 0.06 if is_airway else 0.02)], section):
        around = spot.depth_um > -5
        section.ftu_mask[spot.window] &= ~around
        spot.put(section.opening, 0.0, -5.0, np.inf)
        spot.put(section.matrix, 0.9, -5.0, wall)
        spot.put(section.cytoplasm, 0.2, -5.0, wall)
        spot.put(section.nuclear_density, 0.2, -5.0, wall)
        if is_airway:
            spot.put(section.cytoplasm, 0.8, wall, wall + 16.0)
            spot.put(section.matrix, 0.0, wall, wall + 16.0)
            spot.put(section.nuclear_density, 0.95, wall + 1.0, wall + 11.0)
        inner = wall + 16 if is_airway else wall
        spot.put(section.opening, 1.0, inner, np.inf)
