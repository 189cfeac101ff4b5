"""Random grey textures of a given grain: chromatin, sponge, network; noise is drawn coarse and enlarged."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, grain_px: float
) -> Float32[np.ndarray, "height width"]:
    """Return noise of mean 0 and standard deviation about 1 whose bumps are `grain_px` apart."""
    spacing = max(grain_px / 2, 1.0)
    coarse = (int(height / spacing) + 2, int(width / spacing) + 2)
    # blurring on the coarse grid hides its rows and columns; the division brings the spread back to 1
    kernel = cv2.getGaussianKernel(7, 0.5 * grain_px / spacing)
    noise = cv2.sepFilter2D(rng.standard_normal(coarse, dtype=np.float32), cv2.CV_32F, kernel, kernel)
    noise = noise / np.float32((kernel**2).sum())
    return (
        noise[:height, :width] if spacing == 1 else cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    )


def network(
    rng: np.random.Generator, height: int, width: int, mesh_px: float, thickness: float
) -> Float32[np.ndarray, "height width"]:
    """Return a net in [0, 1]: bright along the zero line of smooth noise, which closes around meshes of `mesh_px`.

    Args:
        rng: Source of randomness.
        height: Rows.
        width: Columns.
        mesh_px: Typical size of a mesh.
        thickness: Width of the strands as a share of the mesh.
    """
    noise = smooth_noise(rng, height, width, mesh_px)
    return cv2.exp(-((noise / thickness) ** 2))
