"""Kidney cortex: glomeruli (the FTUs) among tightly packed tubules."""

from __future__ import annotations

import numpy as np

from hpa.simulation.texture import network
from hpa.simulation.tissue.materials import Materials, spots_of
from hpa.simulation.tissue.placing import away_from, blob_at, packed, scattered

_TUBULE_SPACING_UM = 52.0
_GLOMERULI_PER_MM2 = 9.0


def kidney(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Materials:
    """Draw a section: a glomerulus is a tuft of capillaries full of nuclei in a pale ring of space."""
    section = Materials.blank(shape, pixel_um, cytoplasm=0.1, matrix=0.3, nuclear_density=0.12)
    height_um, width_um = section.size_um
    count = max(1, round(_GLOMERULI_PER_MM2 * height_um * width_um * 1e-6))
    glomeruli = scattered(rng, section.size_um, [float(r) for r in rng.uniform(72, 108, count)], gap_um=35.0)
    for x, y in away_from(packed(rng, section.size_um, _TUBULE_SPACING_UM, 0.14), glomeruli, gap_um=22.0):
        _tubule(rng, section, float(x), float(y))
    for x, y, radius in glomeruli:
        _glomerulus(rng, section, x, y, radius)
    return section


def _tubule(rng: np.random.Generator, section: Materials, x: float, y: float) -> None:
    is_proximal = rng.random() < 0.65  # thicker, fuller epithelium, a narrow lumen
    radius, lumen_from = (27.0, 17.0) if is_proximal else (22.0, 10.0)
    for spot in spots_of([blob_at(rng, x, y, radius * float(rng.uniform(0.85, 1.05)), 1.7, 0.05)], section):
        spot.put(section.matrix, 0.05, 0.0, np.inf)
        spot.put(section.cytoplasm, 0.85 if is_proximal else 0.45, 0.0, np.inf)
        spot.put(section.membrane, 0.8, -1.5, 1.5)
        spot.put(section.nuclear_density, 0.45, 2.0, lumen_from - 3.0)
        spot.put(section.opening, 1.0, lumen_from, np.inf)
        if is_proximal:
            spot.put(section.membrane, 0.6, lumen_from - 3.0, lumen_from)  # brush border


def _glomerulus(rng: np.random.Generator, section: Materials, x: float, y: float, radius: float) -> None:
    space = float(rng.uniform(8, 16))
    for spot in spots_of([blob_at(rng, x, y, radius, 1.25, 0.03)], section):
        spot.put(section.matrix, 0.1, 0.0, np.inf)
        spot.put(section.nuclear_density, 0.0, 0.0, np.inf)
        spot.put(section.opening, 1.0, 2.0, space)
        spot.put(section.membrane, 0.9, -2.0, 2.0)
        spot.put(section.cytoplasm, 0.35, space, np.inf)
        spot.put(section.nuclear_density, 0.85, space, np.inf)
        tuft = spot.depth_um > space
        height, width = tuft.shape
        capillaries = network(rng, height, width, mesh_px=max(2.0, 16 / section.pixel_um), thickness=0.35)
        section.membrane[spot.window][tuft] = 0.8 * capillaries[tuft]
        section.ftu_mask[spot.window] |= spot.depth_um > 0
