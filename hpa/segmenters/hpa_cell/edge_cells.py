"""Cells cut by the edge of the field whose nucleus lies outside it.

The published segmenter starts every cell from a nucleus, so neighbours flood the others: cells cut by the edge
are `merged` into them, a fault that the second and fifth teams of the competition report. Here such cells
may also start from their own interior: bodies enclosed by the predicted border. They are then `kept` as cells without
a nucleus, or `dropped` after they have kept their neighbours out.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

import numpy as np
from jaxtyping import Bool, Int32

from hpa.core.errors import InputError
from hpa.core.label_map import edge_contact_of, relabel

EdgeCells = Literal["kept", "dropped", "merged"]
LabelMap = Int32[np.ndarray, "height width"]


def edge_cells_of(word: str) -> EdgeCells:
    """Return the value if it is one of the three.

    Raises:
        InputError: With the possible values.
    """
    if word not in get_args(EdgeCells):
        raise InputError(f"edge_cells must be one of {', '.join(get_args(EdgeCells))}; came '{word}'.")
    return cast(EdgeCells, word)


def with_edge_markers(nuclei: LabelMap, interiors: LabelMap, min_px: int) -> LabelMap:
    """Return the nuclei and, numbered after them, the interiors that touch the edge and hold no nucleus.

    Args:
        nuclei: The markers so far.
        interiors: Bodies enclosed by borders, numbered.
        min_px: Smaller interiors are no cells.
    """
    areas = np.bincount(interiors.ravel())
    chosen = (areas >= min_px) & np.insert(edge_contact_of(interiors) > 0, 0, False)
    chosen[interiors[nuclei > 0]] = False
    numbers = np.where(chosen, np.cumsum(chosen) + nuclei.max(initial=0), 0).astype(np.int32)
    return np.where(nuclei > 0, nuclei, numbers[interiors])


def without_bare_edge_cells(nuclei: LabelMap, cells: LabelMap) -> tuple[LabelMap, LabelMap]:
    """Return both maps without the cells that touch the edge and show no nucleus, numbered 1..n again."""
    bare: Bool[np.ndarray, " cell"] = edge_contact_of(cells) > 0
    bare[nuclei[nuclei > 0] - 1] = False
    kept = np.insert(~bare, 0, False)
    remaining = relabel(np.where(kept[cells], cells, 0))
    return np.where(nuclei > 0, remaining, 0), remaining
