"""The light of the two stains: nuclei (blue) and cytoplasm (green), full scale 1, with the haze of widefield."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from hpa.simulation.culture import Phase
from hpa.simulation.strokes import draw_dots
from hpa.simulation.territory import Territory
from hpa.simulation.texture import smooth_noise
from hpa.simulation.two_cell_types.mixed_culture import CulturedCell

CHANNELS: tuple[str, ...] = ("green", "blue")
_HAZE_UM = 7.0
_HAZE_SHARE = 0.16
"""Light from above and below the focal plane, which a widefield microscope does not keep out."""
_FRAGMENTS_PER_CELL = 0.03
"""Remains of dead cells: small condensed bodies, bright in both stains, no cells."""

Plane = Float32[np.ndarray, "height width"]


def stain_two_types(
    rng: np.random.Generator, cells: Sequence[CulturedCell], territory: Territory
) -> Float32[np.ndarray, "channel canvas_height canvas_width"]:
    """Return the light of a canvas, in the order of `CHANNELS`."""
    height, width = territory.cells.shape
    light = np.zeros((len(CHANNELS), height, width), np.float32)
    for number, (cultured, window) in enumerate(zip(cells, territory.windows, strict=True), start=1):
        body = territory.cells[window] == number
        nucleus = (territory.nuclei[window] == number) & body
        if nucleus.any():
            light[0][window] += _cytoplasm(rng, cultured, body, nucleus, territory.pixel_um)
            light[1][window] += _nucleus(rng, cultured, nucleus, territory.pixel_um)
    light += _fragments(rng, len(cells), height, width, territory.pixel_um)
    for plane in light:
        plane += np.float32(_HAZE_SHARE) * _wide_blur(plane, _HAZE_UM / territory.pixel_um)
    return light


def _cytoplasm(
    rng: np.random.Generator,
    cultured: CulturedCell,
    body: Bool[np.ndarray, "height width"],
    nucleus: Bool[np.ndarray, "height width"],
    pixel_um: float,
) -> Plane:
    """Return the green of one cell: as bright as it is thick, mottled, dimmer over the nucleus."""
    rim_um = 3.0 if cultured.cell.phase is Phase.M else cultured.type.rim_um
    thickness = 1 - np.exp(-_depth_um(body, pixel_um) / rim_um)
    mottled = 1 + 0.10 * _noise(rng, body, 1.4 / pixel_um) + 0.07 * _noise(rng, body, 4 / pixel_um)
    granules = np.clip(_noise(rng, body, 0.9 / pixel_um) - 1.7, 0, 1) * 0.5
    over_nucleus = 1 - np.float32(0.22) * cv2.GaussianBlur(nucleus.astype(np.float32), (0, 0), 0.7 / pixel_um)
    level = 0.47 * np.exp(0.24 * cultured.cell.expression) * (1.35 if cultured.cell.phase is Phase.M else 1.0)
    return (body * (0.12 + 0.88 * thickness) * (mottled + granules) * over_nucleus * level).astype(np.float32)


def _nucleus(
    rng: np.random.Generator, cultured: CulturedCell, nucleus: Bool[np.ndarray, "height width"], pixel_um: float
) -> Plane:
    """Return the blue of one cell."""
    if cultured.cell.phase is Phase.M:
        return _chromosomes(cultured, nucleus, pixel_um)
    depth = _depth_um(nucleus, pixel_um)
    chromatin = 0.60 + 0.07 * _noise(rng, nucleus, 1.3 / pixel_um)
    dark = _spots(rng, depth, rng.poisson(cultured.type.nucleoli), (0.8, 1.3), pixel_um)
    bright = _spots(rng, depth, rng.poisson(cultured.type.chromocentres), (0.45, 0.85), pixel_um)
    edge = 0.55 + 0.45 * np.minimum(1, depth / 0.9)
    dim = 0.78 if cultured.type.chromocentres else 1.0  # DNA drawn together leaves the rest paler
    dose = np.exp(rng.normal(0, 0.10))
    return (nucleus * edge * dose * (dim * chromatin * (1 - 0.45 * dark) + 0.75 * bright)).astype(np.float32)


def _chromosomes(cultured: CulturedCell, region: Bool[np.ndarray, "height width"], pixel_um: float) -> Plane:
    """Return the plate of metaphase across the cell's long axis."""
    rows, columns = np.nonzero(region)
    x = (np.arange(region.shape[1], dtype=np.float32) - columns.mean())[None, :] * pixel_um
    y = (np.arange(region.shape[0], dtype=np.float32) - rows.mean())[:, None] * pixel_um
    cos, sin = np.float32(np.cos(cultured.cell.angle)), np.float32(np.sin(cultured.cell.angle))
    distance = np.hypot((x * cos + y * sin) / 1.5, (y * cos - x * sin) / 4.2)
    return (1.15 * region * np.clip((1.1 - distance) * 4, 0, 1)).astype(np.float32)


def _spots(
    rng: np.random.Generator,
    depth_um: Plane,
    count: int,
    radii_um: tuple[float, float],
    pixel_um: float,
) -> Plane:
    """Return `count` soft spots inside a nucleus, 0 to 1."""
    rows, columns = np.nonzero(depth_um > 0.8)
    if not count or not len(rows):
        return np.zeros(depth_um.shape, np.float32)
    chosen = rng.integers(len(rows), size=count)
    centres = np.stack([columns[chosen], rows[chosen]], axis=1).astype(np.float64)
    radii = rng.uniform(*radii_um, count) / pixel_um
    sheet = draw_dots(depth_um.shape[0], depth_um.shape[1], centres, radii, rng.uniform(0.7, 1.0, count))
    return cv2.GaussianBlur(sheet, (0, 0), max(0.3, 0.2 / pixel_um))


def _fragments(
    rng: np.random.Generator, cells: int, height: int, width: int, pixel_um: float
) -> Float32[np.ndarray, "channel height width"]:
    """Return remains of dead cells."""
    count = int(rng.poisson(_FRAGMENTS_PER_CELL * cells))
    centres = rng.uniform(0, 1, (count, 2)) * [width, height]
    sheet = draw_dots(height, width, centres, rng.uniform(0.8, 1.7, count) / pixel_um, rng.uniform(0.5, 1.0, count))
    return np.stack([0.35 * sheet, 0.9 * sheet])


def _noise(rng: np.random.Generator, mask: Bool[np.ndarray, "height width"], grain_px: float) -> Plane:
    return smooth_noise(rng, mask.shape[0], mask.shape[1], grain_px)


def _depth_um(mask: Bool[np.ndarray, "height width"], pixel_um: float) -> Plane:
    """Return the distance of each pixel of a mask from its border, 0 outside."""
    framed = np.pad(mask.astype(np.uint8), 1)
    return cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1] * np.float32(pixel_um)


def _wide_blur(plane: Plane, sigma_px: float) -> Plane:
    """Blur widely at a quarter of the size, where the same blur costs a sixteenth."""
    height, width = plane.shape
    small = cv2.resize(plane, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), max(sigma_px / 4, 0.3)), (width, height))
