"""Patterns inside the nucleus; drawn in interphase only, for the nuclear envelope is gone in mitosis."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.simulation.anatomy import Anatomy
from hpa.simulation.strokes import draw_dots
from hpa.simulation.texture import network


def nucleoplasm(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Fill the nucleus evenly, nucleoli left out."""
    grain = 1 + 0.10 * anatomy.noise(0.7) + 0.10 * anatomy.noise(2.5)
    return 0.65 * anatomy.on_nucleus * grain * (1 - 0.65 * anatomy.nucleolar)


def nuclear_membrane(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw the rim of the nucleus, patchy, with the faint surface of the envelope above and below."""
    rim = cv2.exp(-(((anatomy.nucleus_depth_um - 0.35) / 0.45) ** 2))
    return anatomy.on_nucleus * (rim * (1 + 0.2 * anatomy.noise(2.0)) + 0.16 + 0.03 * anatomy.noise(1.0))


def nucleoli(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Fill the nucleoli: one to four large bodies, on a dim nucleoplasm."""
    return anatomy.nucleolar * (1 + 0.12 * anatomy.noise(0.6)) + 0.10 * anatomy.on_nucleus


def fibrillar_centers(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Dot the nucleoli with a few small spots each."""
    image = 0.07 * anatomy.on_nucleus + 0.10 * anatomy.nucleolar
    for x, y, radius in anatomy.nucleoli_um:
        count = int(anatomy.rng.integers(2, 7))
        spots = np.array([x, y]) + anatomy.rng.normal(0, 0.42 * radius, (count, 2))
        radii = anatomy.rng.uniform(0.22, 0.42, count) / anatomy.pixel_um
        grey = anatomy.rng.uniform(0.7, 1, count)
        image = np.maximum(image, draw_dots(anatomy.height, anatomy.width, anatomy.to_px(spots), radii, grey))
    return image * anatomy.on_nucleus


def nuclear_speckles(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw twenty to fifty irregular splotches between the nucleoli, joined by a dim nucleoplasm."""
    net = network(anatomy.rng, anatomy.height, anatomy.width, 1.3 / anatomy.pixel_um, 0.5)
    splotches = np.clip(anatomy.noise(1.2) + 0.5 * net - 0.65, 0, 1)
    inner = np.minimum(1, anatomy.nucleus_depth_um / 0.8)
    return anatomy.on_nucleus * (splotches * inner * (1 - anatomy.nucleolar) + 0.10)


def nuclear_bodies(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw a handful of round, crisp spots outside the nucleoli."""
    count = int(anatomy.rng.integers(2, 11))
    spots = anatomy.scatter((anatomy.nucleus_depth_um > 0.8) & (anatomy.nucleolar < 0.2), count)
    radii = anatomy.rng.uniform(0.30, 0.55, len(spots)) / anatomy.pixel_um
    grey = anatomy.rng.uniform(0.65, 1, len(spots))
    dots = draw_dots(anatomy.height, anatomy.width, spots, radii, grey)
    return anatomy.on_nucleus * (dots + 0.08 * (1 - anatomy.nucleolar))
