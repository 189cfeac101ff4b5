"""The three reference stains of every field: microtubules (red), nucleus (blue), endoplasmic reticulum (yellow)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from hpa.simulation.anatomy import Anatomy
from hpa.simulation.culture import Phase
from hpa.simulation.patterns.cytoplasm import endoplasmic_reticulum
from hpa.simulation.patterns.filaments import microtubules

_PLATE_UM = (4.4, 1.7)  # half width and half thickness of the chromosome plate of metaphase
_DNA = {Phase.G1: 1.0, Phase.S: 1.08, Phase.G2: 1.15}  # staining per area: twice the DNA in 1.5 times the area


def microtubule_stain(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Return the red plane of one cell."""
    if anatomy.mitotic:
        return 1.1 * microtubules(anatomy) + 0.12 * anatomy.on_body * anatomy.thickness
    return microtubules(anatomy)


def nuclear_stain(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Return the blue plane of one cell: mottled chromatin with dark nucleoli, or condensed chromosomes."""
    if anatomy.mitotic:
        return 1.15 * _chromosomes(anatomy)
    chromatin = 0.62 + 0.10 * anatomy.noise(0.9) + 0.09 * anatomy.noise(2.2)
    edge = 0.75 + 0.25 * np.minimum(1, anatomy.nucleus_depth_um / 0.8)
    return _DNA[anatomy.cell.phase] * anatomy.on_nucleus * chromatin * edge * (1 - 0.5 * anatomy.nucleolar)


def reticulum_stain(anatomy: Anatomy, reach_um: float) -> Float32[np.ndarray, "height width"]:
    """Return the yellow plane of one cell; `reach_um` belongs to the cell line."""
    return endoplasmic_reticulum(anatomy, reach_um)


def _chromosomes(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw the plate of metaphase, or the two of anaphase, ragged at the edges."""
    cos, sin = np.float32(np.cos(anatomy.cell.angle)), np.float32(np.sin(anatomy.cell.angle))
    along = anatomy.x_um * cos + anatomy.y_um * sin
    across = anatomy.y_um * cos - anatomy.x_um * sin
    shifts = (-2.6, 2.6) if anatomy.rng.random() < 0.3 else (0.0,)
    ragged = 0.16 * anatomy.noise(0.8)
    image = anatomy.blank()
    for shift in shifts:
        half_across, half_along = _PLATE_UM[0] / (1 + 0.25 * abs(shift) / 2.6), _PLATE_UM[1] * (0.8 if shift else 1.0)
        distance = np.sqrt(((along - shift) / half_along) ** 2 + (across / half_across) ** 2)
        image = np.maximum(image, np.clip((1 + ragged - distance) * 4, 0, 1))
    return image * anatomy.on_body * (1 + 0.08 * anatomy.noise(0.6))
