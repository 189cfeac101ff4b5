"""From the planes of the two networks to label maps, exactly or fast."""

from __future__ import annotations

from typing import Literal, cast, get_args

import numpy as np
from jaxtyping import Int32, UInt8

from hpa.core.errors import InputError
from hpa.segmenters.hpa_cell.edge_cells import edge_cells_of
from hpa.segmenters.hpa_cell.exact import label_cells_exact
from hpa.segmenters.hpa_cell.fast import label_cells_fast

Mode = Literal["exact", "fast"]
FULL_SIZE_UM = 0.08
"""Pixel size of the fields of the competition at 2048 px."""


def label_cells(
    nuclei_uint8: UInt8[np.ndarray, "height width plane=3"],
    cell_uint8: UInt8[np.ndarray, "cell_height cell_width plane=3"],
    *,
    mode: str = "fast",
    pixel_um: float = FULL_SIZE_UM,
    edge_cells: str = "merged",
) -> tuple[Int32[np.ndarray, "height width"], Int32[np.ndarray, "height width"]]:
    """Return nuclei and cells of predicted planes (background, border, body; 255 is certain).

    Args:
        nuclei_uint8: Output of the nuclei network.
        cell_uint8: Output of the cell network.
        mode: `exact` repeats the original's steps, `fast` comes close to them in a fraction of the time.
        pixel_um: Side of a pixel in µm; all sizes follow it.
        edge_cells: What becomes of cells that are cut by the edge and show no nucleus; `merged` as in the original.

    Returns:
        Nuclei, each with the number of its cell, and cells 1..n; 0 is background. A cell may have no nucleus.

    Raises:
        InputError: If the planes are no two equally sized (height, width, 3) arrays of uint8, or a value is unknown.
    """
    for name, planes in (("nuclei_uint8", nuclei_uint8), ("cell_uint8", cell_uint8)):
        if planes.dtype != np.uint8 or planes.ndim != 3 or planes.shape[2] != 3 or not planes.size:
            raise InputError(
                f"{name}: (height, width, 3) of uint8 was expected (background, border, body), came {planes.dtype} of "
                f"shape {planes.shape}. Probabilities must be multiplied by 255 and rounded."
            )
    if nuclei_uint8.shape != cell_uint8.shape:
        raise InputError(
            f"planes of one field have one size; nuclei_uint8 is {nuclei_uint8.shape}, cell_uint8 {cell_uint8.shape}."
        )
    if not pixel_um > 0:
        raise InputError(f"pixel_um must be the side of a pixel in µm, more than 0; came {pixel_um}.")
    label = label_cells_exact if mode_of(mode) == "exact" else label_cells_fast
    return label(nuclei_uint8, cell_uint8, pixel_um, edge_cells_of(edge_cells))


def mode_of(word: str) -> Mode:
    """Return the value if it is a mode.

    Raises:
        InputError: With the possible values.
    """
    if word not in get_args(Mode):
        raise InputError(f"mode must be one of {', '.join(get_args(Mode))}; came '{word}'.")
    return cast(Mode, word)
