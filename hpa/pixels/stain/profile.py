"""The stain profile of a section: the colours of its two stains and how strongly they bind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

from hpa.core.errors import InputError


class StainProfile:
    """Colours and strengths of the two stains of a section, haematoxylin first.

    Args:
        vectors: For each of two stains its optical density in red, green and blue; only the ratio counts.
        strengths: For each stain the density (along its vector of length 1) that 99 % of tissue stays below.

    Raises:
        InputError: If there are not two different stains of positive strength.
    """

    def __init__(
        self,
        vectors: Sequence[Sequence[float]] | Float[np.ndarray, "2 3"],
        strengths: Sequence[float] | Float[np.ndarray, " 2"],
    ) -> None:
        rows = np.asarray(vectors, np.float32)
        amounts = np.asarray(strengths, np.float32)
        is_sound = rows.shape == (2, 3) and amounts.shape == (2,) and np.isfinite(rows).all() and (rows >= 0).all()
        if not is_sound or not (amounts > 0).all() or np.linalg.matrix_rank(rows) < 2:
            raise InputError(
                "a stain profile needs the densities of two different stains in red, green and blue (>= 0) and two "
                f"strengths above 0; came {rows.tolist()} and {amounts.tolist()}."
            )
        self.vectors: Float32[np.ndarray, "2 3"] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        self.strengths: Float32[np.ndarray, " 2"] = amounts

    def amounts(self, density: Float32[np.ndarray, "*pixels 3"]) -> Float32[np.ndarray, "*pixels 2"]:
        """Return how much of each stain best explains each density (least squares, never negative)."""
        return np.maximum(density @ np.linalg.pinv(self.vectors), 0)
