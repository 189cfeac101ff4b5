"""Cells as vectors of unit length: which are alike, and where each lies on a map of all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float32, Int64

from hpa.core.errors import InputError

MAX_DIMENSIONS = 64
"""Features are projected to as many principal components: half a million cells take 128 MB."""
_FITTED_CELLS = 20_000
_MAX_MAPPED_BY_UMAP = 50_000
MAPS = ("pca", "umap")
Vectors = Float32[np.ndarray, "cell dimension"]


def compressed(pieces: Iterable[Float32[np.ndarray, "cell feature"]]) -> Vectors:
    """Return vectors of unit length with at most `MAX_DIMENSIONS` numbers a cell.

    The principal components are those of the first cells (Pearson, 1901); they come first to last by variance.

    Args:
        pieces: Features of the cells, in order; NaN counts as 0.
    """
    rest = iter(pieces)
    first: list[Float32[np.ndarray, "cell feature"]] = []
    while sum(map(len, first)) < _FITTED_CELLS and (piece := next(rest, None)) is not None:
        first.append(np.nan_to_num(piece))
    fitted = np.concatenate(first) if first else np.zeros((0, 1), np.float32)
    if not len(fitted):
        return fitted[:, :MAX_DIMENSIONS]
    mean = fitted.mean(axis=0)
    axes = _axes(fitted - mean)
    parts = [(fitted - mean) @ axes, *((np.nan_to_num(piece) - mean) @ axes for piece in rest)]
    for part in parts:  # piece by piece: the whole is large
        part /= np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
    return np.concatenate(parts).astype(np.float32, copy=False)


def nearest_cells(vectors: Vectors, row: int, count: int) -> Int64[np.ndarray, " similar"]:
    """Return the cells with the smallest angle to a cell, the nearest first, without itself; all are compared."""
    cosine = vectors @ vectors[row]
    cosine[row] = -np.inf
    count = min(count, len(cosine) - 1)
    if count < 1:
        return np.zeros(0, np.int64)
    nearest = np.argpartition(-cosine, count - 1)[:count]
    return nearest[np.argsort(-cosine[nearest], kind="stable")].astype(np.int64)


def places(vectors: Vectors, method: str) -> Float32[np.ndarray, "cell 2"]:
    """Return a map of the cells in [-1, 1].

    Args:
        vectors: As of `compressed`.
        method: `pca`, the first two components, or `umap` (McInnes, Healy and Melville, 2018, arXiv:1802.03426).

    Raises:
        InputError: If UMAP is wanted and not installed, or there are too many cells for it.
    """
    flat = _umap(vectors) if method == "umap" else vectors[:, :2]
    if flat.shape[1] < 2:
        flat = np.concatenate([flat, np.zeros((len(flat), 2 - flat.shape[1]), np.float32)], axis=1)
    if not len(flat):
        return flat.astype(np.float32)
    low, high = np.percentile(flat, (0.1, 99.9), axis=0)
    middle, span = (low + high) / 2, max(float((high - low).max()), 1e-12)
    return np.clip(2 * (flat - middle) / span, -1, 1).astype(np.float32)


def _umap(vectors: Vectors) -> Float32[np.ndarray, "cell 2"]:
    if len(vectors) > _MAX_MAPPED_BY_UMAP:
        raise InputError(
            f"--map umap takes minutes from {_MAX_MAPPED_BY_UMAP} cells on, came {len(vectors)}; take pca."
        )
    try:
        from umap import UMAP
    except ImportError as error:
        raise InputError("--map umap needs: pip install 'hpa-cells[maps]'; --map pca needs nothing.") from error
    if len(vectors) < 5:  # fewer than it can embed
        return vectors[:, :2]
    neighbours = min(15, len(vectors) - 1)
    return UMAP(n_neighbors=neighbours, metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors)


def _axes(centred: Float32[np.ndarray, "cell feature"]) -> Float32[np.ndarray, "feature dimension"]:
    covariance = centred.T @ centred / max(1, len(centred))
    _, axes = np.linalg.eigh(covariance.astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :MAX_DIMENSIONS]).astype(np.float32)
