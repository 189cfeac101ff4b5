"""Spleen: white pulp (the FTUs), dark islands of lymphocytes in the red pulp's sponge of blood and cords."""

from __future__ import annotations

import numpy as np

from hpa.simulation.strokes import draw_curves, wander
from hpa.simulation.texture import network
from hpa.simulation.tissue.materials import Materials, spots_of
from hpa.simulation.tissue.placing import blob_at, scattered

_ISLANDS_PER_MM2 = 5.5


def spleen(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Materials:
    """Draw a section: islands with a paler centre and a small artery, strands of collagen through the red pulp."""
    section = Materials.blank(shape, pixel_um, cytoplasm=0.45, matrix=0.15, nuclear_density=0.42)
    cords = network(rng, *shape, mesh_px=max(2.0, 26 / pixel_um), thickness=0.9)
    section.cytoplasm[:] = 0.3 + 0.4 * cords
    section.opening[:] = 0.55 * (1 - cords)
    _strands(rng, section)
    height_um, width_um = section.size_um
    count = max(1, round(_ISLANDS_PER_MM2 * height_um * width_um * 1e-6))
    for x, y, radius in scattered(rng, section.size_um, [float(r) for r in rng.uniform(85, 170, count)], gap_um=50.0):
        _island(rng, section, x, y, radius)
    return section


def _island(rng: np.random.Generator, section: Materials, x: float, y: float, radius: float) -> None:
    has_centre = rng.random() < 0.6
    for spot in spots_of([blob_at(rng, x, y, radius, 1.6, 0.07)], section):
        spot.put(section.opening, 0.0, -4.0, np.inf)
        spot.put(section.matrix, 0.08, 0.0, np.inf)
        spot.put(section.cytoplasm, 0.22, 0.0, np.inf)
        spot.put(section.nuclear_density, 1.0, 0.0, np.inf)
        if has_centre:
            spot.put(section.nuclear_density, 0.6, 0.45 * radius, np.inf)
            spot.put(section.cytoplasm, 0.4, 0.45 * radius, np.inf)
        section.ftu_mask[spot.window] |= spot.depth_um > 0
    aside = 0.55 * radius * np.exp(1j * rng.uniform(0, 2 * np.pi))
    for spot in spots_of([blob_at(rng, x + aside.real, y + aside.imag, 15.0, 1.2, 0.02)], section):
        spot.put(section.matrix, 0.9, 0.0, 7.0)
        spot.put(section.nuclear_density, 0.2, 0.0, np.inf)
        spot.put(section.opening, 1.0, 7.0, np.inf)


def _strands(rng: np.random.Generator, section: Materials) -> None:
    height, width = section.ftu_mask.shape
    count = 1 + int(rng.poisson(2.5))
    starts = rng.uniform(0, 1, (count, 2)) * np.array([width, height])
    step = 20 / section.pixel_um
    curves = wander(rng, starts, rng.uniform(0, 2 * np.pi, count), steps=40, step_px=step, bend=0.12)
    strands = np.minimum(draw_curves(height, width, curves, thickness_px=26 / section.pixel_um, layers=1), 1)
    section.matrix[:] = np.maximum(section.matrix, strands)
    section.nuclear_density[:] *= 1 - 0.8 * strands
    section.opening[:] *= 1 - strands
