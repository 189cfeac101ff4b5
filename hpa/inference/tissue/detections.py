"""A detector on an image of any size, tile by tile: no cap on its instances, and the memory of one tile.

Detectors keep a fixed number of proposals and instances an image, and their maps grow with it. Here they see tiles. Of
what is found where tiles overlap, a tile keeps the instances whose box has its centre on the tile's own side of the
overlap's middle, or a little beyond: what is no wider than half the overlap is seen whole by the tile that keeps it.
What both keep, being as near to one as to the other, is dropped where instances are painted on a label map.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from hpa.core.tiles import tile_corners

Found = dict[str, Tensor]
"""One image's entry of `InstanceOutput.instances`."""
Detect = Callable[[Float32[np.ndarray, "channel tile_height tile_width"]], Found]

_BEYOND_SHARE = 0.25
"""How far beyond the middle of the overlap a tile keeps instances, as a share of the overlap: boxes differ a little
between tiles, and one whose centre lies on the middle must not be lost by both."""


def detect_tiled(
    planes: Float32[np.ndarray, "channel height width"], side_px: int, overlap_px: int, detect: Detect
) -> Found:
    """Return the instances of an image, the most confident first.

    Args:
        planes: The image.
        side_px: Side of a tile.
        overlap_px: Smallest overlap of neighbours; twice the width of the largest cells, or these may be cut.
        detect: The detector, on one tile.

    Raises:
        InputError: If the lengths make no sense.
    """
    height, width = planes.shape[1:]
    corners = tile_corners(height, width, side_px, overlap_px)
    rows, columns = (sorted({corner[axis] for corner in corners}) for axis in (0, 1))
    kept = []
    for top, left in corners:
        found = detect(np.ascontiguousarray(planes[:, top : top + side_px, left : left + side_px]))
        boxes = found["boxes"] + torch.tensor([left, top, left, top], device=found["boxes"].device)
        within = _within(boxes[:, [1, 3]], rows, top, side_px) & _within(boxes[:, [0, 2]], columns, left, side_px)
        kept.append({"boxes": boxes[within]} | {name: found[name][within] for name in ("classes", "scores", "masks")})
    together = {name: torch.cat([one[name] for one in kept]) for name in kept[0]}
    order = torch.argsort(together["scores"], descending=True, stable=True)
    return {name: values[order] for name, values in together.items()} | {"size_px": torch.tensor((height, width))}


def _within(
    edges: Float[Tensor, "instance 2"], starts: list[int], start: int, side_px: int
) -> Bool[Tensor, " instance"]:
    """Return whose middle between two edges lies in a tile's own part of one axis."""
    low, high = -math.inf, math.inf
    position = starts.index(start)
    if position > 0:
        end = starts[position - 1] + side_px
        low = (start + end) / 2 - _BEYOND_SHARE * (end - start)
    if position < len(starts) - 1:
        after = starts[position + 1]
        high = (after + start + side_px) / 2 + _BEYOND_SHARE * (start + side_px - after)
    middle = edges.mean(dim=1)
    return (middle >= low) & (middle < high)
