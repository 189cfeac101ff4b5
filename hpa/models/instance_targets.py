"""A label map as a detector is told it: boxes and classes of its instances, and the mask of each in the frame of a box.

No mask ever has the size of the image: what is learned of an instance is looked up in the label map, at the points of a
grid laid over its box. Memory grows with the boxes, not with image x instances.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.errors import InputError

POINTS_A_SIDE = 2
"""Points of a mask pixel that are looked up along each side; as many as torchvision's detectors take of a feature."""


def boxes_of_numbers(label_map: Int[Tensor, "height width"], count: int) -> Float[Tensor, "number 4"]:
    """Return x0, y0, x1, y1 in px of the numbers 1..count, around whole pixels: a single pixel has a box of side 1.

    Numbers without a pixel have infinite boxes.

    Raises:
        InputError: If the map holds a larger number.
    """
    y, x = label_map.nonzero(as_tuple=True)
    row = label_map[y, x].long() - 1
    if len(row) and int(row.max()) >= count:
        raise InputError(f"the label map holds instance {int(row.max()) + 1}, but classes are given for {count}.")
    edges = torch.stack([x, y, -x - 1, -y - 1], dim=1).float()  # the least of each: left, top, -right, -bottom
    found = edges.new_full((count, 4), torch.inf)
    found.scatter_reduce_(0, row[:, None].expand(-1, 4), edges, "amin")
    return found * found.new_tensor([1, 1, -1, -1])


def detection_targets(
    label_map: Int[Tensor, "height width"], instance_classes: Int[Tensor, " number"]
) -> dict[str, Tensor]:
    """Return what torchvision's detectors read of an image, and the number of each instance in its label map.

    `boxes` (instance, 4), `labels` (instance,) from 1, as 0 is background, `numbers` (instance,), and under `masks`, a
    key that torchvision insists on, the label map itself.

    Raises:
        InputError: If the map holds an instance without a class.
    """
    boxes = boxes_of_numbers(label_map, len(instance_classes))
    seen = boxes[:, 0].isfinite().nonzero()[:, 0]  # a tile may have cut instances away
    labels = instance_classes[seen].long() + 1
    return {"boxes": boxes[seen], "labels": labels, "numbers": seen + 1, "masks": label_map}


def masks_in_boxes(
    label_map: Int[Tensor, "height width"],
    boxes: Float[Tensor, "box 4"],
    numbers: Int[Tensor, " box"],
    side: int,
) -> Float[Tensor, "box {side} {side}"]:
    """Return for each box what share of each of its side x side parts one instance covers.

    Args:
        label_map: Instances, 0 background.
        boxes: x0, y0, x1, y1 in px; what lies outside of the image is not covered.
        numbers: The instance that is asked for in each box.
        side: Mask pixels along each side of a box.
    """
    height, width = label_map.shape
    points = side * POINTS_A_SIDE
    along = (torch.arange(points, device=boxes.device) + 0.5) / points
    x = (boxes[:, :1] + (boxes[:, 2:3] - boxes[:, :1]) * along).floor().long()  # (box, point)
    y = (boxes[:, 1:2] + (boxes[:, 3:] - boxes[:, 1:2]) * along).floor().long()
    found = label_map[y.clamp(0, height - 1)[:, :, None], x.clamp(0, width - 1)[:, None, :]]  # (box, y, x)
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    covered = ((found == numbers[:, None, None]) & inside).to(boxes.dtype)
    parts = covered.reshape(-1, side, POINTS_A_SIDE, side, POINTS_A_SIDE)
    return parts.mean(dim=(2, 4))
