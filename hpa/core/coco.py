"""Label maps and COCO segmentations (Lin et al., ECCV 2014): run lengths or polygons, several parts and holes alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64
from pycocotools import mask as coco_mask

from hpa.core.errors import InputError
from hpa.core.label_map import areas_of, boxes_of
from hpa.core.polygons import check_polygons
from hpa.core.run_lengths import Runs, pack, runs_of, unpack

_MAX_COVERAGE = 1_000
"""How often instances may cover their image: painting takes time in proportion to their areas."""


@dataclass(frozen=True)
class Painted:
    """The label map of instances that may overlap.

    Attributes:
        label_map: 0 background, instances numbered from 1 in their order.
        shared_px: Claims of instances on pixels that went to another one.
        hidden: Numbers of the instances that have no pixel: empty, or under smaller ones.
    """

    label_map: Int32[np.ndarray, "height width"]
    shared_px: int
    hidden: tuple[int, ...]


def annotations_of(label_map: Int32[np.ndarray, "height width"]) -> list[dict[str, Any]]:
    """Return `segmentation` (run lengths), `area` (px) and `bbox` (left, top, width, height) of each cell 1..n.

    Raises:
        InputError: If the map has no pixel, or the numbers have gaps.
    """
    height, width = label_map.shape
    runs, cells = runs_of(label_map)
    texts = pack(runs, len(cells), label_map.size)
    return [
        {
            "segmentation": {"size": [height, width], "counts": text.decode("ascii")},
            "area": area,
            "bbox": [left, top, right - left, bottom - top],
            "iscrowd": 0,
        }
        for text, area, (top, left, bottom, right) in zip(
            texts, areas_of(label_map).tolist(), boxes_of(label_map).tolist(), strict=True
        )
    ]


def run_text_of(segmentation: Any, height: int, width: int) -> bytes:
    """Return the run-length text of a segmentation: compressed or plain run lengths, or a list of polygons.

    Raises:
        InputError: If it is none of these, or of another size.
    """
    if isinstance(segmentation, list):
        return _text_of_polygons(segmentation, height, width)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise InputError("its segmentation is neither polygons nor run lengths with 'size' and 'counts'.")
    if not isinstance(segmentation["size"], list) or segmentation["size"] != [height, width]:
        raise InputError(
            f"its segmentation is for {segmentation['size']!s:.60} px (height, width), the image has {[height, width]}."
        )
    counts = segmentation["counts"]
    if isinstance(counts, str) and counts.isascii():
        return counts.encode("ascii")
    size = height * width
    whole = isinstance(counts, list) and all(type(count) is int and 0 <= count <= size for count in counts)
    if not whole or sum(counts) != size:
        raise InputError(f"its run lengths must be whole numbers that sum to {size} px.")
    stops = np.cumsum(np.array(counts, np.int64))[1::2]
    lengths = np.array(counts[1::2], np.int64)
    runs = Runs(np.zeros(np.count_nonzero(lengths), np.int64), (stops - lengths)[lengths > 0], stops[lengths > 0])
    return pack(runs, 1, size)[0]


def paint(texts: Sequence[bytes], height: int, width: int) -> Painted:
    """Return the label map of instances, given as run-length texts; a pixel claimed twice goes to the smaller one.

    The smaller instance would vanish under the larger one, seldom the reverse; of equal ones the later wins.

    Raises:
        InputError: If a text is damaged, or a mask of another number of pixels, or the instances cover the image more
            than a thousand times.
    """
    runs = unpack(texts, height * width)
    lengths = runs.stops - runs.starts
    areas = np.bincount(runs.mask_of, weights=lengths, minlength=len(texts)).astype(np.int64)
    if areas.sum() > _MAX_COVERAGE * height * width:
        raise InputError(
            f"the instances cover the image {areas.sum() // (height * width):,} times over, at most {_MAX_COVERAGE:,} "
            "are painted; keep the instances that a score or non-maximum suppression leaves."
        )
    edges = np.searchsorted(runs.mask_of, np.arange(len(texts) + 1)).tolist()
    spans = list(pairwise(edges))
    owner = np.zeros(height * width, np.int32)  # down the columns
    for instance in np.argsort(-areas, kind="stable").tolist():
        owner[_pixels_of(runs, *spans[instance])] = instance + 1
    covered = int(np.count_nonzero(owner))
    left = np.bincount(owner, minlength=len(texts) + 1)[1:]
    label_map = np.ascontiguousarray(owner.reshape(width, height).T)
    return Painted(label_map, int(areas.sum()) - covered, tuple((np.flatnonzero(left == 0) + 1).tolist()))


def _pixels_of(runs: Runs, first: int, last: int) -> Int64[np.ndarray, " pixel"]:
    """Return the pixels of some runs, one after the other."""
    starts, lengths = runs.starts[first:last], runs.stops[first:last] - runs.starts[first:last]
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)


def _text_of_polygons(polygons: list[Any], height: int, width: int) -> bytes:
    for polygon in polygons:
        numbers = isinstance(polygon, list) and all(type(value) in (int, float) for value in polygon)
        if not numbers or len(polygon) < 6 or len(polygon) % 2:
            raise InputError("a polygon is a list x1, y1, x2, y2, … of at least three points.")
    if not polygons:
        raise InputError("its segmentation is an empty list; give at least one polygon.")
    try:
        check_polygons([np.array(polygon, np.float64).reshape(-1, 2) for polygon in polygons], height, width)
    except OverflowError as error:
        raise InputError(f"a polygon holds a number that is no pixel ({error}); write px, e.g. 12.5.") from error
    parts = [part["counts"] for part in coco_mask.frPyObjects(polygons, height, width)]
    # pycocotools' own union reserves four bytes per pixel of the image, and crashes where it does not get them
    return parts[0] if len(parts) == 1 else pack(_union(unpack(parts, height * width)), 1, height * width)[0]


def _union(runs: Runs) -> Runs:
    """Return the pixels that lie in any of the masks, as the runs of one."""
    order = np.argsort(runs.starts, kind="stable")
    starts, reach = runs.starts[order], np.maximum.accumulate(runs.stops[order])
    begins = np.concatenate([[True], starts[1:] > reach[:-1]])[: len(starts)]
    lasts = np.concatenate([begins[1:], [True]])[: len(starts)]
    return Runs(np.zeros(np.count_nonzero(begins), np.int64), starts[begins], reach[lasts])
