"""Label maps of any size as OME-Zarr 0.5, tile by tile: nothing is written where there are no cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from hpa.core.windows import TileGrid
from hpa.formats.ome_zarr_writing import MAX_LAST_PX, VERSION, multiscales_of

_CHUNK_PX = 512
PaintTile = Callable[[int], dict[str, Int32[np.ndarray, "height width"]]]
"""Gives the label maps of a tile by their names, none where it is empty."""


def write_label_pyramid(folder: Path, names: Sequence[str], grid: TileGrid, pixel_um: float, paint: PaintTile) -> None:
    """Write label maps as `labels/<name>` of a new group.

    Args:
        folder: Of the group; is made.
        names: Of the label maps, e.g. cells and nuclei; numbers mean the same in each.
        grid: Tiles of the image.
        pixel_um: Side of a pixel.
        paint: Makes a tile.
    """
    import zarr

    zarr.create_group(store=str(folder), zarr_format=3)
    labels = {"version": VERSION, "labels": list(names)}
    zarr.create_group(store=str(folder / "labels"), zarr_format=3, attributes={"ome": labels})
    sizes = _sizes(grid.height, grid.width)
    levels = {name: _levels(folder / "labels" / name, name, sizes, grid.side_px, pixel_um) for name in names}
    filled = set()
    for number in range(grid.tiles):
        for name, label_map in paint(number).items():
            levels[name][0][grid.tile(number).slices] = label_map
            filled.add(divmod(number, grid.columns))
    for finer, coarser in enumerate(range(1, len(sizes))):
        filled = {(row // 2, column // 2) for row, column in filled}
        for name in names:
            _halve(levels[name][finer], levels[name][coarser], grid.side_px, sorted(filled))


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    sizes = [(height, width)]
    while max(sizes[-1]) > MAX_LAST_PX:
        sizes.append((max(1, sizes[-1][0] // 2), max(1, sizes[-1][1] // 2)))
    return sizes


def _levels(folder: Path, name: str, sizes: list[tuple[int, int]], side_px: int, pixel_um: float) -> list[Any]:
    import zarr
    from zarr.codecs import ZstdCodec

    multiscales = multiscales_of(name, 2, pixel_um, len(sizes))
    ome = {"version": VERSION, "multiscales": [multiscales], "image-label": {}}
    group = zarr.create_group(store=str(folder), zarr_format=3, attributes={"ome": ome})
    # a tile is a shard, so that it is one file and none is written twice
    chunk = _CHUNK_PX if side_px % _CHUNK_PX == 0 else side_px
    return [
        group.create_array(
            str(level),
            shape=size,
            dtype="int32",
            chunks=(chunk, chunk),
            shards=(side_px, side_px),
            compressors=ZstdCodec(level=1),
            dimension_names=[axis["name"] for axis in multiscales["axes"]],
        )
        for level, size in enumerate(sizes)
    ]


def _halve(finer: Any, coarser: Any, side_px: int, tiles: Sequence[tuple[int, int]]) -> None:
    """Fill a level with every second pixel of the finer one, so that no number appears that is none."""
    height, width = coarser.shape
    for row, column in tiles:
        top, left = row * side_px, column * side_px
        bottom, right = min(height, top + side_px), min(width, left + side_px)
        if bottom > top and right > left:
            coarser[top:bottom, left:right] = finer[2 * top : 2 * bottom, 2 * left : 2 * right][::2, ::2]
