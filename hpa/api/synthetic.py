"""Synthetic data sets with ground truth: `hpa.synth`, and what the command of that name calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from hpa.core.errors import InputError
from hpa.simulation import write_competition
from hpa.simulation.tissue import write_tissue
from hpa.simulation.two_cell_types import write_two_cell_types
from hpa.simulation.worlds import world_named

_STANDARD = "standard"


def synth(
    folder: str | Path,
    layout: Literal["hpa", "hubmap", "hek_n2a"] = "hpa",
    *,
    images: int,
    size_px: int | tuple[int, int],
    seed: int = 0,
    test_images: int | None = None,
    world: str = _STANDARD,
    workers: int = 1,
) -> Path:
    """Write a synthetic data set with ground truth, as `hpa synth` does, and return its folder.

    Args:
        folder: New or empty.
        layout: Fields of cells (`hpa`), tissue of five organs (`hubmap`), or pure and mixed cell types (`hek_n2a`).
        images: How many, training and test together.
        size_px: Their side, or height and width; sections of tissue are square.
        seed: Another one gives other images.
        test_images: How many of them are for testing; None: a quarter.
        world: What fields of cells are drawn from; `hpa synth --world list` describes all.
        workers: Processes that draw.

    Raises:
        InputError: If the folder holds files, or a value is impossible.
    """
    place = Path(folder)
    counts: dict[str, Any] = {"images": images, "seed": seed, "test_images": test_images, "workers": workers}
    if layout == "hpa":
        write_competition(place, side_px=size_px, world=world_named(world), **counts)
        return place
    if world != _STANDARD:
        raise InputError(f"world {world} is of layout hpa; leave it out for {layout}.")
    if layout == "hek_n2a":
        write_two_cell_types(place, side_px=size_px, **counts)
    elif layout == "hubmap":
        height, width = (size_px, size_px) if isinstance(size_px, int) else size_px
        if height != width:
            raise InputError(f"sections are square: write size {height}; came {height}x{width}.")
        write_tissue(place, side_px=height, **counts)
    else:
        raise InputError(f"layout={layout!r}: hpa, hubmap, hek_n2a are expected.")
    return place
