"""Two staining protocols: what each counterstain binds to, and a stained section in transmitted light.

Colours of the stains are the vectors of Ruifrok and Johnston (Analytical and Quantitative Cytology and Histology
23:291, 2001) as image programs list them; light follows the law of Beer and Lambert.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from hpa.simulation.strokes import draw_dots
from hpa.simulation.texture import smooth_noise
from hpa.simulation.tissue.materials import Materials
from hpa.simulation.tissue.placing import packed

_NUCLEUS_SPACING_UM = 7.0
_NUCLEUS_RADIUS_UM = (2.4, 3.5)


@dataclass(frozen=True)
class Stain:
    """Haematoxylin and a counterstain, as one site uses them.

    Attributes:
        name: As listed in tables.
        colours: Optical density of haematoxylin and of the counterstain in red, green and blue.
        binds_cytoplasm: Range of the density of the counterstain in pure cytoplasm, sampled for each section.
        binds_matrix: The same in matrix.
        binds_membrane: The same in membranes and mucus.
        haematoxylin: Range of the density of haematoxylin in nuclei.
    """

    name: str
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]
    binds_cytoplasm: tuple[float, float]
    binds_matrix: tuple[float, float]
    binds_membrane: tuple[float, float]
    haematoxylin: tuple[float, float]


_HAEMATOXYLIN = (0.65, 0.70, 0.29)
DAB = Stain("DAB", (_HAEMATOXYLIN, (0.27, 0.57, 0.78)), (0.12, 0.75), (0.02, 0.12), (0.05, 0.4), (0.3, 0.5))
"""An antibody marks proteins of the cytoplasm, strongly or hardly; the rest stays pale blue."""
PAS = Stain("PAS", (_HAEMATOXYLIN, (0.175, 0.972, 0.155)), (0.12, 0.22), (0.15, 0.3), (0.6, 0.95), (0.4, 0.7))
"""Periodic acid-Schiff: sugars of membranes and mucus become magenta."""
EOSIN = Stain("H&E", (_HAEMATOXYLIN, (0.07, 0.99, 0.11)), (0.14, 0.24), (0.17, 0.3), (0.05, 0.12), (0.5, 0.8))
"""Haematoxylin and eosin: proteins become pink."""


def stained(rng: np.random.Generator, section: Materials, stain: Stain) -> Float32[np.ndarray, "height width 3"]:
    """Return the light that passes a stained section, red, green and blue, 1 where there is no tissue."""
    presence = 1 - section.opening
    bound = [float(rng.uniform(*span)) for span in (stain.binds_cytoplasm, stain.binds_matrix, stain.binds_membrane)]
    maps = (section.cytoplasm, section.matrix, section.membrane)
    counterstain = sum(amount * part for amount, part in zip(bound, maps, strict=True)) * presence
    nuclei = _nuclei(rng, section)
    depth = float(rng.uniform(*stain.haematoxylin))
    haze = np.float32(0.09) * np.maximum(section.cytoplasm, section.matrix) * presence
    haematoxylin = depth * np.maximum(nuclei, haze)
    height, width = presence.shape
    grain = 1 + 0.18 * smooth_noise(rng, height, width, max(2.0, 10 / section.pixel_um))
    cloud = 1 + 0.1 * smooth_noise(rng, height, width, max(4.0, 400 / section.pixel_um))
    amounts = np.stack([haematoxylin * cloud, counterstain * grain * cloud * (1 - 0.6 * nuclei)], axis=2)
    return _light(np.maximum(amounts, 0).astype(np.float32), np.array(stain.colours))


def photographed(
    rng: np.random.Generator, light: Float32[np.ndarray, "height width 3"], blur_px: float
) -> UInt8[np.ndarray, "height width 3"]:
    """Return the picture of a slide scanner: a tinted lamp, blur, noise, 8 bit."""
    lamp = (rng.uniform(0.93, 0.99) + rng.uniform(-0.015, 0.015, 3)).astype(np.float32)
    picture = cv2.GaussianBlur(light, (0, 0), blur_px) * lamp
    picture += rng.normal(0, 0.012, picture.shape).astype(np.float32)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def _nuclei(rng: np.random.Generator, section: Materials) -> Float32[np.ndarray, "height width"]:
    """Draw nuclei by their density, none in open spaces."""
    height, width = section.nuclear_density.shape
    places = packed(rng, section.size_um, _NUCLEUS_SPACING_UM, 0.35) / section.pixel_um
    columns, rows = (np.clip(places[:, axis].astype(int), 0, side - 1) for axis, side in ((0, width), (1, height)))
    chance = section.nuclear_density[rows, columns] * (section.opening[rows, columns] < 0.5)
    standing = places[rng.random(len(places)) < chance]
    radii = rng.uniform(*_NUCLEUS_RADIUS_UM, len(standing)) / section.pixel_um
    dots = draw_dots(height, width, standing, radii, rng.uniform(0.6, 1.0, len(standing)))
    # a nucleus narrower than a pixel is drawn as wide as one, but as pale as it would be
    return dots * np.float32(min(1.0, (2.9 / section.pixel_um / 0.6) ** 2))


def _light(
    amounts: Float32[np.ndarray, "height width stain"], colours: Float[np.ndarray, "stain 3"]
) -> Float32[np.ndarray, "height width 3"]:
    directions = colours / np.linalg.norm(colours, axis=1, keepdims=True)
    return np.power(np.float32(10), -(1.6 * amounts @ directions.astype(np.float32)))
