"""The three filament systems of the cytoskeleton, and the spindle."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.simulation.anatomy import Anatomy
from hpa.simulation.strokes import draw_curves, wander

_FIBRES, _ASTERS = 26, 10  # at each pole
_SPINDLE_WIDTH_UM = 3.3
MICROTUBULE_UM = 0.2  # apparent width: the microscope's, not the 25 nm of the tube


def microtubules(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw long, gently bent filaments from around the centrosome to the border; in mitosis the spindle."""
    if anatomy.mitotic:
        return mitotic_spindle(anatomy)
    count = int(anatomy.rng.integers(120, 200))
    center = anatomy.organizing_center_um
    near = center + anatomy.rng.normal(0, 1.5, (count // 3, 2))
    far = anatomy.to_um(anatomy.scatter(anatomy.body, count - len(near), cv2.exp(-anatomy.nucleus_gap_um / 6)))
    starts = np.concatenate([near, far])
    outward = np.arctan2(starts[:, 1], starts[:, 0])
    outward[: len(near)] = anatomy.rng.uniform(0, 2 * np.pi, len(near))
    # filaments run outward on the whole, and more along the cell than across it
    headings = outward + anatomy.rng.normal(0, 0.7, len(starts))
    along = anatomy.cell.angle + np.pi * np.round((headings - anatomy.cell.angle) / np.pi)
    headings += 0.45 * (along - headings)
    reach_um = 1.25 * float(anatomy.cell.outline_um.mean())
    step_px = reach_um / 16 / anatomy.pixel_um
    curves = wander(anatomy.rng, anatomy.to_px(starts), headings, 16, step_px, 0.18)
    strands = draw_curves(anatomy.height, anatomy.width, curves, MICROTUBULE_UM / anatomy.pixel_um, 6)
    haze = 0.5 * anatomy.thickness
    dip = 1 - 0.72 * np.minimum(1, anatomy.nucleus_depth_um / 1.2)
    return anatomy.on_body * dip * (0.32 * strands * (0.45 + anatomy.thickness) + 0.35 * haze)


def mitotic_spindle(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw two fans of fibres from the poles to the plate, and short asters behind the poles."""
    curves = []
    for pole in anatomy.poles_um:
        across = np.array([-pole[1], pole[0]]) / np.hypot(*pole)
        # fibres leave the pole as a fan and bow back towards the axis: together a lemon
        way = np.linspace(0, anatomy.rng.uniform(0.75, 1.15, _FIBRES), 9).T[..., None]
        side = anatomy.rng.uniform(-_SPINDLE_WIDTH_UM, _SPINDLE_WIDTH_UM, (_FIBRES, 1, 1))
        curves.append(pole * (1 - way) + side * np.sin(np.pi / 2 * np.minimum(way, 1)) * across)
        rays = anatomy.rng.uniform(-2.2, 2.2, _ASTERS) + np.arctan2(pole[1], pole[0])
        length_um = np.linspace(0, anatomy.rng.uniform(0.8, 2.4, _ASTERS), 9).T[..., None]
        curves.append(pole + length_um * np.column_stack([np.cos(rays), np.sin(rays)])[:, None])
    points = anatomy.to_px(np.concatenate(curves).reshape(-1, 2)).reshape(-1, 9, 2)
    fibres = draw_curves(anatomy.height, anatomy.width, points, 0.25 / anatomy.pixel_um, 6)
    return anatomy.on_body * (0.28 * fibres + 0.06)


def actin_filaments(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw parallel stress fibres along the cell and a bright cortex; a mitotic cell keeps the cortex alone."""
    cortex = cv2.exp(-((anatomy.depth_um / 0.7) ** 2)) * (1 + 0.3 * anatomy.noise(2.0))
    image = 0.6 * cortex + 0.06 * anatomy.thickness
    if not anatomy.mitotic:
        count = int(anatomy.rng.integers(35, 80))
        starts = anatomy.scatter(anatomy.body, count)
        spread = anatomy.rng.normal(0, 0.10, len(starts)) + np.pi * anatomy.rng.integers(0, 2, len(starts))
        length_um = float(anatomy.rng.uniform(12, 26))
        step_px = length_um / 6 / anatomy.pixel_um
        fibres = wander(anatomy.rng, starts, anatomy.cell.angle + spread, 6, step_px, 0.05)
        image = image + 0.26 * draw_curves(anatomy.height, anatomy.width, fibres, 0.3 / anatomy.pixel_um, 6)
    return anatomy.on_body * image


def intermediate_filaments(anatomy: Anatomy) -> Float32[np.ndarray, "height width"]:
    """Draw a wavy cage of bundles: dense around the nucleus, curling, thinning out before the border."""
    count = int(anatomy.rng.integers(60, 100))
    starts = anatomy.to_um(anatomy.scatter(anatomy.cytoplasm, count, cv2.exp(-anatomy.nucleus_gap_um / 3)))
    around = np.arctan2(starts[:, 1], starts[:, 0]) + np.pi / 2 * anatomy.rng.choice([-1, 1], len(starts))
    headings = around + anatomy.rng.normal(0, 0.6, len(starts))
    step_px = 0.9 / anatomy.pixel_um
    curves = wander(anatomy.rng, anatomy.to_px(starts), headings, 16, step_px, 0.5)
    bundles = draw_curves(anatomy.height, anatomy.width, curves, 0.45 / anatomy.pixel_um, 4)
    fade = cv2.exp(-anatomy.nucleus_gap_um / 9) * np.minimum(1, anatomy.depth_um / 2)
    dip = 1 - 0.8 * np.minimum(1, anatomy.nucleus_depth_um / 1.0)
    return anatomy.on_body * fade * dip * (0.45 * bundles + 0.12)
