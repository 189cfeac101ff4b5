"""Which cells to look at first: likely label errors, and cells of which the network is least sure."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32


def uncertainty(confidences: Float32[np.ndarray, "cell class"]) -> Float32[np.ndarray, " cell"]:
    """Return the mean entropy of the classes of each cell, 0 (sure of all) to 1 (of none).

    Uncertainty sampling (Lewis and Gale, SIGIR 1994), each class a question of its own.
    """
    if not confidences.shape[1]:
        return np.zeros(len(confidences), np.float32)
    known = np.clip(np.nan_to_num(confidences.astype(np.float32)), 1e-6, 1 - 1e-6)
    entropy = -(known * np.log2(known) + (1 - known) * np.log2(1 - known))
    return entropy.mean(axis=1).astype(np.float32)


def disagreement(
    confidences: Float32[np.ndarray, "cell class"], targets: Float32[np.ndarray, "cell class"] | None
) -> Float32[np.ndarray, " cell"]:
    """Return how much the network prefers a class that a cell is not labelled with, 0 to 1; NaN without a label.

    The normalised margin (Kuan and Mueller, 2022, ICML DataPerf): (1 + p - q) / 2, where p is the highest confidence in
    a class that is not among the labels, and q that in one of them. With labels of images, of which a cell shows some,
    it is high where none is seen.
    """
    if targets is None or not confidences.shape[1]:
        return np.full(len(confidences), np.nan, np.float32)
    known = np.nan_to_num(confidences.astype(np.float32))
    is_labelled = targets > 0.5
    other = np.where(is_labelled, 0, known).max(axis=1)
    own = np.where(is_labelled, known, 0).max(axis=1)
    margin = (1 + other - own) / 2
    return np.where(np.isfinite(targets).all(axis=1), margin, np.nan).astype(np.float32)
