"""Grey planes with the size of their pixels inside: what Fiji, CellProfiler and QuPath read it from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import UInt8, UInt16

from hpa.core.whole_file import whole_file

_UM_PER_CM = 1e4


def write_plane(
    path: Path,
    plane: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"],
    pixel_um: float,
) -> None:
    """Write a plane as a compressed TIFF, lossless; NaN leaves the size of a pixel out.

    Raises:
        InputError: If the disk is full.
    """
    is_known = math.isfinite(pixel_um)
    with whole_file(path, plane.nbytes) as file:
        tifffile.imwrite(
            file,
            plane,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 1},  # noise hardly compresses: higher levels cost time for a few per cent
            predictor=True,
            resolution=(_UM_PER_CM / pixel_um, _UM_PER_CM / pixel_um) if is_known else None,
            resolutionunit="CENTIMETER" if is_known else None,
            metadata=None,
        )
