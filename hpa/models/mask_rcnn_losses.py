"""Targets and losses of the second stage of Mask R-CNN (He et al., 2017, arXiv:1703.06870): classes, boxes and masks.

No mask ever has the size of the image: the mask target of a box is looked up in the label map, at the points of a grid
laid over the box. Memory grows with the boxes, not with image x instances.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss

from hpa.core.errors import InputError

ImageSizes = list[tuple[int, int]]


def second_stage_losses(
    heads: RoIHeads,
    features: dict[str, Tensor],
    proposals: list[Tensor],
    sizes_px: ImageSizes,
    targets: list[dict[str, Tensor]],
) -> dict[str, Float[Tensor, ""]]:
    """Return the losses `classes`, `boxes` and `masks` of a batch.

    torchvision crops mask targets from one full-size mask an instance; here they are looked up in the label map. The
    rest are its own parts.

    Args:
        heads: The second stage.
        features: Maps of the pyramid.
        proposals: Boxes (proposal, 4) of each image from the first stage.
        sizes_px: Height and width of each image.
        targets: `detection_targets` of each image.
    """
    sampled, matched, labels, regression = heads.select_training_samples(proposals, targets)
    pooled = heads.box_head(heads.box_roi_pool(features, sampled, sizes_px))
    class_logits, box_regression = heads.box_predictor(pooled)
    class_loss, box_loss = fastrcnn_loss(class_logits, box_regression, labels, regression)
    on_instance = [image_labels > 0 for image_labels in labels]
    positive = [boxes[on] for boxes, on in zip(sampled, on_instance, strict=True)]
    logits = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, positive, sizes_px)))
    mask_targets = [
        masks_in_boxes(target["masks"], boxes, target["numbers"][rows[on]], logits.shape[-1])
        for target, boxes, rows, on in zip(targets, positive, matched, on_instance, strict=True)
        if on.any()
    ]
    classes = torch.cat([image_labels[on] for image_labels, on in zip(labels, on_instance, strict=True)])
    return {"classes": class_loss, "boxes": box_loss, "masks": _mask_loss(logits, classes, mask_targets)}


def _mask_loss(
    logits: Float[Tensor, "box label side side"], labels: Tensor, targets: list[Tensor]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the mask of each box's own class; 0, with a graph, where there is no box."""
    if not targets:
        return logits.sum() * 0
    own = logits[torch.arange(len(labels), device=labels.device), labels]
    return binary_cross_entropy_with_logits(own, torch.cat(targets).to(own.dtype))


POINTS_A_SIDE = 2
"""Sampling points of a mask pixel along each side, as many as torchvision's detectors take of a feature."""


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
    edges = torch.stack([x, y, -x - 1, -y - 1], dim=1).float()  # the minimum of each: left, top, -right, -bottom
    found = edges.new_full((count, 4), torch.inf)
    found.scatter_reduce_(0, row[:, None].expand(-1, 4), edges, "amin")
    return found * found.new_tensor([1, 1, -1, -1])


def detection_targets(
    label_map: Int[Tensor, "height width"], instance_classes: Int[Tensor, " number"]
) -> dict[str, Tensor]:
    """Return an image's targets as torchvision's detectors read them, and each instance's number in the label map.

    `boxes` (instance, 4), `labels` (instance,) from 1, as 0 is background, `numbers` (instance,), and under `masks`, a
    key that torchvision insists on, the label map itself.

    Raises:
        InputError: If the map holds an instance without a class.
    """
    boxes = boxes_of_numbers(label_map, len(instance_classes))
    seen = boxes[:, 0].isfinite().nonzero()[:, 0]  # a tile may lie beside an instance
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
        numbers: The instance in each box.
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
