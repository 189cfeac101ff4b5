"""Spots outside the nucleus, from one to hundreds."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.simulation.anatomy import Anatomy
from hpa.simulation.culture import Phase
from hpa.simulation.strokes import draw_dots


def centrosome(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw one spot beside the nucleus, two once it has been copied (S, G2), one at each pole in mitosis."""
    spots = anatomy.organizing_center_um[None]
    if anatomy.mitotic:
        spots = anatomy.poles_um
    elif anatomy.cell.phase is not Phase.G1:
        spots = spots + anatomy.rng.normal(0, 0.55, (2, 2))
    radii = np.full(len(spots), anatomy.rng.uniform(0.42, 0.62) / anatomy.pixel_um)
    dots = draw_dots(anatomy.height, anatomy.width, anatomy.to_px(spots), radii, np.ones(len(spots)))
    return anatomy.on_body * (1.2 * dots + 0.05 * anatomy.thickness)


def aggresome(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw one large lumpy blob in a dent beside the nucleus."""
    center = anatomy.organizing_center_um
    center = center * (1 + 1.4 / max(float(np.hypot(*center)), 1.0))
    lumps = center + np.concatenate([np.zeros((1, 2)), anatomy.rng.normal(0, 1.1, (6, 2))])
    radii = np.concatenate([[anatomy.rng.uniform(1.8, 2.9)], anatomy.rng.uniform(0.5, 1.2, 6)]) / anatomy.pixel_um
    blob = draw_dots(anatomy.height, anatomy.width, anatomy.to_px(lumps), radii, anatomy.rng.uniform(0.85, 1, 7))
    return anatomy.on_body * (1.1 * blob * (1 + 0.1 * anatomy.noise(0.6)) + 0.06 * anatomy.thickness)


def vesicles(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Strew dozens of dots of uneven size and brightness over the cytoplasm."""
    count = int(anatomy.rng.integers(40, 130))
    weights = cv2.exp(-anatomy.nucleus_gap_um / 10) * (anatomy.depth_um > 0.6)
    spots = anatomy.scatter(anatomy.cytoplasm, count, weights)
    radii = anatomy.rng.gamma(6, 0.055, len(spots)) / anatomy.pixel_um
    dots = draw_dots(anatomy.height, anatomy.width, spots, radii, anatomy.rng.uniform(0.35, 1, len(spots)))
    return anatomy.on_cytoplasm * (dots + 0.05 * anatomy.thickness)
