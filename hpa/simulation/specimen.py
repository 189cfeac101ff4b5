"""The light of one field: the four stains of all its cells, before the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.core.channels import CHANNELS
from hpa.core.classes import NEGATIVE_CLASS
from hpa.simulation.anatomy import Anatomy, dissect
from hpa.simulation.cell_lines import CellLine
from hpa.simulation.culture import Cell
from hpa.simulation.patterns import DRAWINGS
from hpa.simulation.stains import microtubule_stain, nuclear_stain, reticulum_stain
from hpa.simulation.territory import Territory

CHANNEL_SPREAD = 0.25  # spread (log) of the brightness of a stain between images
CELL_SPREAD = 0.20  # and between the cells of an image
_DEFOCUSED_SHARE = 0.12  # cells that lie above the focal plane
_DUST_PER_FIELD = 3.0  # bright specks outside any cell


@dataclass(frozen=True)
class Staining:
    """How bright the protein is.

    Attributes:
        protein_gain: Mean brightness of the protein against the other stains.
        protein_spread: Its spread (log) between images: antibodies differ more than other stains.
        trace_gain: What is left of the image's locations in cells that count as negative for them.
        expression_gain: Brightness (log) a cell gains with one standard deviation of expression.
        haze: Range of the unspecific stain of all cells.
    """

    protein_gain: float = 0.75
    protein_spread: float = 0.35
    trace_gain: float = 0.05
    expression_gain: float = 0.30
    haze: tuple[float, float] = (0.01, 0.06)


STANDARD_STAINING = Staining()


def stain_specimen(
    rng: np.random.Generator,
    line: CellLine,
    cells: list[Cell],
    cell_classes: Sequence[Sequence[int]],
    traces: Sequence[Sequence[int]],
    territory: Territory,
    staining: Staining = STANDARD_STAINING,
) -> Float32[np.ndarray, "channel canvas_height canvas_width"]:
    """Return the light of each stain, full scale 1, on the canvas of the territory.

    Args:
        rng: Source of randomness.
        line: Cell line.
        cells: The culture.
        cell_classes: Classes of each cell.
        traces: Classes of which each cell holds too little to count.
        territory: Label maps of the culture.
        staining: How bright the protein is.
    """
    light = np.zeros((len(CHANNELS), *territory.cells.shape), np.float32)
    middle = np.log([1, staining.protein_gain, 1, 1])
    gains = np.exp(rng.normal(middle, [CHANNEL_SPREAD, staining.protein_spread, CHANNEL_SPREAD, CHANNEL_SPREAD]))
    weights = rng.uniform(0.55, 1.0, len(DRAWINGS))  # of the locations of one protein, the same in all cells
    haze = float(rng.uniform(*staining.haze))
    for index, cell in enumerate(cells):
        anatomy = dissect(np.random.default_rng(rng.integers(2**63)), cells, territory, index)
        shares = _shares(staining, weights, cell, cell_classes[index], traces[index])
        protein = _protein(anatomy, shares, haze)
        stains = (
            microtubule_stain(anatomy),
            protein,
            nuclear_stain(anatomy),
            reticulum_stain(anatomy, line.reticulum_um),
        )
        _add(light, anatomy, np.stack(stains), gains, territory.windows[index])
    _add_dust(rng, light, territory.pixel_um)
    return light


def _shares(
    staining: Staining, weights: np.ndarray, cell: Cell, classes: Sequence[int], traces: Sequence[int]
) -> dict[int, float]:
    """Return the brightness of each location of one cell."""
    gain = float(np.exp(staining.expression_gain * np.clip(cell.expression, -2, 2)))
    present = [kind for kind in classes if kind != NEGATIVE_CLASS]
    brightest = max((float(weights[kind]) for kind in present), default=1.0)
    shares = dict.fromkeys(traces, staining.trace_gain)
    return shares | {kind: gain * float(weights[kind]) / brightest for kind in present}


def _protein(anatomy: Anatomy, shares: dict[int, float], haze: float) -> Float32[np.ndarray, "height width"]:
    """Return the green plane of one cell: its locations on the unspecific haze that every cell has."""
    image = anatomy.on_body * anatomy.thickness * np.float32(haze)
    for kind, share in shares.items():
        image = image + np.float32(share) * DRAWINGS[kind](anatomy)
    return image


def _add(
    light: Float32[np.ndarray, "channel canvas_height canvas_width"],
    anatomy: Anatomy,
    stains: Float32[np.ndarray, "channel height width"],
    gains: np.ndarray,
    window: tuple[slice, slice],
) -> None:
    """Add the stains of one cell to the specimen, each a little brighter or dimmer than in its neighbours."""
    rng = anatomy.rng
    blur_px = float(rng.uniform(0.4, 1.0)) / anatomy.pixel_um if rng.random() < _DEFOCUSED_SHARE else 0.0
    own = np.exp(rng.normal(0, CELL_SPREAD, len(stains)))
    own[CHANNELS.index("green")] = 1.0  # its spread is the expression of the cell
    for plane, stain, gain in zip(light, stains, gains * own, strict=True):
        sharp = cv2.GaussianBlur(stain, (0, 0), blur_px) if blur_px > 0.3 else stain
        plane[window] += np.float32(gain) * sharp


def _add_dust(
    rng: np.random.Generator, light: Float32[np.ndarray, "channel canvas_height canvas_width"], pixel_um: float
) -> None:
    """Drop a few specks of antibody and debris anywhere on the slide."""
    height, width = light.shape[1:]
    for _ in range(int(rng.poisson(_DUST_PER_FIELD))):
        channel = int(rng.integers(len(light)))
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = max(1, round(float(rng.uniform(0.2, 0.6)) / pixel_um))
        cv2.circle(light[channel], centre, radius, float(rng.uniform(0.3, 1)), cv2.FILLED)
