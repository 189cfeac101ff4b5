"""Sections of known stains, painted by the law of Beer and Lambert."""

import numpy as np

HAEMATOXYLIN, EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)
PAS, DAB = (0.175, 0.972, 0.155), (0.27, 0.57, 0.78)


def unit(vectors) -> np.ndarray:
    rows = np.array(vectors, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def section(vectors=(HAEMATOXYLIN, EOSIN), strengths=(0.8, 0.6), seed=0, side=96) -> np.ndarray:
    """Blobs of each stain alone and of both, a quarter of bare glass."""
    draw = np.random.default_rng(seed)
    amounts = draw.random((side, side, 2)) * np.array(strengths)
    kind = np.kron(draw.integers(0, 4, (side // 8, side // 8)), np.ones((8, 8), int))
    amounts[kind == 0] = 0
    amounts[kind == 1, 0] = 0
    amounts[kind == 2, 1] = 0
    return np.power(10.0, -(amounts @ unit(vectors))).astype(np.float32)


def uniform_tiles() -> dict[str, np.ndarray]:
    """Tiles without two stains."""
    tile = np.ones((16, 16, 3), np.float32)
    colour = np.array([0.7, 0.3, 0.6], np.float32)
    corner = section(side=16)
    corner[:8] = 0
    return {"white": tile, "black": 0 * tile, "grey": 0.5 * tile, "one stain": tile * colour, "half outside": corner}
