"""Synthetic data sets with ground truth: `hpa.synth`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from hpa.core.errors import InputError
from hpa.simulation import write_competition
from hpa.simulation.tissue import write_tissue
from hpa.simulation.two_cell_types import write_two_cell_types

_WRITERS: dict[str, Callable[..., None]] = {
    "hpa": write_competition,
    "hubmap": write_tissue,
    "hek_n2a": write_two_cell_types,
}


def synth(
    folder: str | Path,
    layout: Literal["hpa", "hubmap", "hek_n2a"] = "hpa",
    *,
    images: int,
    size_px: int,
    seed: int = 0,
    test_images: int | None = None,
) -> Path:
    """Write a synthetic data set with ground truth, as `hpa synth` does, and return its folder.

    Args:
        folder: New or empty.
        layout: Fields of cells (`hpa`), tissue of five organs (`hubmap`), or pure and mixed cell types (`hek_n2a`).
        images: How many, training and test together.
        size_px: Their side.
        seed: Another one gives other images.
        test_images: How many of them are for testing; None: a quarter.

    Raises:
        InputError: If the folder holds files, or a value is impossible.
    """
    if layout not in _WRITERS:
        raise InputError(f"layout={layout!r}: {', '.join(_WRITERS)} are expected.")
    place = Path(folder)
    _WRITERS[layout](place, images=images, side_px=size_px, seed=seed, test_images=test_images)
    return place
