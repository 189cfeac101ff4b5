"""What the second stage of Mask R-CNN is taught: classes, boxes and masks (He et al., 2017, arXiv:1703.06870)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss

from hpa.models.instance_targets import masks_in_boxes

ImageSizes = list[tuple[int, int]]


def second_stage_losses(
    heads: RoIHeads,
    features: dict[str, Tensor],
    proposals: list[Tensor],
    sizes_px: ImageSizes,
    targets: list[dict[str, Tensor]],
) -> dict[str, Float[Tensor, ""]]:
    """Return the losses `classes`, `boxes` and `masks` of a batch.

    torchvision's own forward cuts the targets of masks out of one full-size mask an instance; here they are looked up
    in the label map. The rest are its own parts.

    Args:
        heads: The second stage.
        features: Maps of the pyramid.
        proposals: Boxes (proposal, 4) of each image from the first stage.
        sizes_px: Height and width of each image.
        targets: What `detection_targets` says of each image.
    """
    sampled, matched, labels, regression = heads.select_training_samples(proposals, targets)
    pooled = heads.box_head(heads.box_roi_pool(features, sampled, sizes_px))
    class_logits, box_regression = heads.box_predictor(pooled)
    class_loss, box_loss = fastrcnn_loss(class_logits, box_regression, labels, regression)
    on_instance = [image_labels > 0 for image_labels in labels]
    positive = [boxes[on] for boxes, on in zip(sampled, on_instance, strict=True)]
    logits = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, positive, sizes_px)))
    told = [
        masks_in_boxes(target["masks"], boxes, target["numbers"][rows[on]], logits.shape[-1])
        for target, boxes, rows, on in zip(targets, positive, matched, on_instance, strict=True)
        if on.any()
    ]
    shown = torch.cat([image_labels[on] for image_labels, on in zip(labels, on_instance, strict=True)])
    return {"classes": class_loss, "boxes": box_loss, "masks": _mask_loss(logits, shown, told)}


def _mask_loss(logits: Float[Tensor, "box label side side"], labels: Tensor, told: list[Tensor]) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the mask of each box's own class; 0, with a graph, where there is no box."""
    if not told:
        return logits.sum() * 0
    own = logits[torch.arange(len(labels), device=labels.device), labels]
    return binary_cross_entropy_with_logits(own, torch.cat(told).to(own.dtype))
