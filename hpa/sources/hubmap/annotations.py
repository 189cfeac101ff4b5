"""Polygons of "Hacking the Human Body", `train_annotations/<id>.json`: `[[[x, y], …], …]`, and their masks.

The masks of train.csv were painted from these polygons and written with starts counted from 0, while the competition
reads them counted from 1: as scored, a mask lies one pixel above its polygons. Of 141 real pairs, polygons moved up by
that pixel give 140 masks exactly and one but for a pixel; unmoved the mean Dice is .9946. So a mask made from polygons
is moved too: truth is what is scored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from hpa.core.errors import InputError
from hpa.core.polygons import Polygon, fill_polygons

_EXPECTED = "a list of polygons [[[x, y], [x, y], …], …] in px is expected"


def read_polygons(path: Path) -> list[Polygon]:
    """Return the polygons of a file.

    Raises:
        InputError: If the file is missing, no JSON, holds anything but polygons of pairs of numbers, or none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; add it, or write the mask into the column rle.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); {_EXPECTED}.") from error
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: no polygon was found; {_EXPECTED}.")
    return [_polygon(path, number, vertices) for number, vertices in enumerate(content, start=1)]


def polygon_mask(polygons: Sequence[Polygon], height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Return the mask that the competition would score: filled, cut at the canvas, moved up by one pixel.

    Raises:
        InputError: If the polygons cannot be filled at this size.
    """
    filled = fill_polygons(polygons, height, width)
    mask = np.zeros_like(filled)
    mask[:-1] = filled[1:]
    return mask


def _polygon(path: Path, number: int, vertices: object) -> Polygon:
    try:
        polygon = np.asarray(vertices)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}: polygon {number} has vertices of several lengths; {_EXPECTED}.") from error
    if polygon.dtype.kind not in "iuf" or polygon.ndim != 2 or polygon.shape[1] != 2:
        raise InputError(f"{path}: polygon {number} is no list of pairs of numbers; {_EXPECTED}.")
    return polygon.astype(np.float64)
