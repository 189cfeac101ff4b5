"""Membranes and fluids outside the nucleus."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.simulation.anatomy import Anatomy
from hpa.simulation.strokes import draw_curves, wander


def endoplasmic_reticulum(anatomy: Anatomy, reach_um: float = 7.0) -> Float32[np.ndarray, "height width"]:
    """Draw a sponge that is densest around the nucleus, with the nuclear envelope as its inner edge.

    Args:
        anatomy: The cell.
        reach_um: Distance over which the sponge thins to a third.
    """
    fade = 0.16 + 0.84 * cv2.exp(-anatomy.nucleus_gap_um / reach_um)
    envelope = 0.35 * cv2.exp(-((anatomy.nucleus_gap_um / 0.5) ** 2))
    sponge = anatomy.on_cytoplasm * (anatomy.reticulum * fade + envelope) * np.minimum(1, anatomy.depth_um / 1.2)
    return sponge + 0.08 * anatomy.on_nucleus * (1 + 0.15 * anatomy.noise(0.5))


def golgi_apparatus(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw a ribbon of short curled stacks on one side of the nucleus, around the centrosome."""
    count = int(anatomy.rng.integers(10, 20))
    center = anatomy.organizing_center_um
    side = np.arctan2(center[1], center[0])
    # along the nuclear border, a fifth of its girth to each side
    angles = side + anatomy.rng.normal(0, 0.42, count)
    distance = np.hypot(*center) + np.abs(anatomy.rng.normal(0.6, 1.1, count))
    starts = np.column_stack([distance * np.cos(angles), distance * np.sin(angles)])
    headings = angles + np.pi / 2 + anatomy.rng.normal(0, 0.5, count)
    curves = wander(anatomy.rng, anatomy.to_px(starts), headings, 7, 0.42 / anatomy.pixel_um, 0.35)
    ribbon = draw_curves(anatomy.height, anatomy.width, curves, 0.6 / anatomy.pixel_um, 2)
    return anatomy.on_cytoplasm * (0.75 * ribbon + 0.05 * anatomy.thickness)


def plasma_membrane(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw the border as an uneven rim with ruffles and short spikes, and the faint sheet of the upper membrane."""
    patchy = np.clip(0.75 + 0.45 * anatomy.noise(3.0), 0.1, 1.6)
    rim = cv2.exp(-((anatomy.depth_um / 0.55) ** 2)) * patchy
    edge = (anatomy.depth_um > 0) & (anatomy.depth_um < 2.2)
    starts = anatomy.scatter(edge, int(anatomy.rng.integers(30, 90)))
    headings = anatomy.rng.uniform(0, 2 * np.pi, len(starts))
    spikes = wander(anatomy.rng, starts, headings, 4, 0.32 / anatomy.pixel_um, 0.3)
    ruffles = draw_curves(anatomy.height, anatomy.width, spikes, 0.3 / anatomy.pixel_um, 2)
    return anatomy.on_body * (0.8 * rim + 0.5 * ruffles + 0.07 + 0.02 * anatomy.noise(0.8))


def mitochondria(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw a hundred or so short worms, denser near the nucleus, pointing away from it on the whole."""
    count = int(anatomy.rng.integers(80, 150))
    near = cv2.exp(-anatomy.nucleus_gap_um / 7) * (anatomy.depth_um > 1)
    starts = anatomy.scatter(anatomy.cytoplasm, count, near)
    offsets = anatomy.to_um(starts)
    headings = np.arctan2(offsets[:, 1], offsets[:, 0]) + anatomy.rng.normal(0, 0.9, len(starts))
    worms = wander(anatomy.rng, starts, headings, 5, anatomy.rng.uniform(0.35, 0.75) / anatomy.pixel_um, 0.4)
    threads = draw_curves(anatomy.height, anatomy.width, worms, 0.45 / anatomy.pixel_um, 2)
    return anatomy.on_cytoplasm * (0.7 * threads + 0.06 * anatomy.thickness)


def cytosol(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Fill the cell smoothly by its thickness, the nucleus weakly, small organelles left out."""
    holes = 1 - 0.25 * np.clip(anatomy.noise(0.9), 0, 1.5)
    inside = 1 - 0.6 * np.minimum(1, anatomy.nucleus_depth_um / 0.8)
    if anatomy.mitotic:
        inside = np.ones_like(inside)
    return 0.5 * anatomy.on_body * anatomy.thickness * inside * holes
