"""Where things lie in a section: scattered so that they do not touch, or packed on a loose lattice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hpa.simulation.outline import wavy_outline
from hpa.simulation.tissue.materials import Blob

_TRIES_EACH = 40


def scattered(
    rng: np.random.Generator, size_um: tuple[float, float], radii_um: Sequence[float], gap_um: float
) -> list[tuple[float, float, float]]:
    """Return (x, y, radius) of discs, largest first, at least a gap apart; those that find no room are left out."""
    height_um, width_um = size_um
    placed: list[tuple[float, float, float]] = []
    for radius in sorted(radii_um, reverse=True):
        for _ in range(_TRIES_EACH):
            x, y = float(rng.uniform(0, width_um)), float(rng.uniform(0, height_um))
            if all(np.hypot(x - x2, y - y2) >= radius + radius2 + gap_um for x2, y2, radius2 in placed):
                placed.append((x, y, radius))
                break
    return placed


def packed(
    rng: np.random.Generator, size_um: tuple[float, float], spacing_um: float, jitter: float
) -> Float[np.ndarray, "place 2"]:
    """Return (x, y) of a hexagonal lattice whose places are moved by up to `jitter` spacings, edges included."""
    height_um, width_um = size_um
    rows = np.arange(-1, height_um / (0.866 * spacing_um) + 1)
    columns = np.arange(-1, width_um / spacing_um + 1)
    x, y = np.meshgrid(columns, rows)
    x = (x + 0.5 * (rows[:, None] % 2)) * spacing_um
    places = np.stack([x, 0.866 * spacing_um * y], axis=2).reshape(-1, 2)
    return places + rng.uniform(-jitter, jitter, places.shape) * spacing_um


def blob_at(
    rng: np.random.Generator, x_um: float, y_um: float, radius_um: float, longest: float, roughness: float
) -> Blob:
    """Return a blob of the area of a disc, up to `longest` times as long as wide, its direction drawn."""
    elongation = float(rng.uniform(1, longest))
    return Blob(x_um, y_um, wavy_outline(rng, radius_um, elongation, float(rng.uniform(0, np.pi)), roughness))


def away_from(
    places: Float[np.ndarray, "place 2"], discs: Sequence[tuple[float, float, float]], gap_um: float
) -> Float[np.ndarray, "kept 2"]:
    """Return the places that lie at least a gap outside every disc (x, y, radius)."""
    keep = np.ones(len(places), bool)
    for x, y, radius in discs:
        keep &= np.hypot(places[:, 0] - x, places[:, 1] - y) >= radius + gap_um
    return places[keep]
