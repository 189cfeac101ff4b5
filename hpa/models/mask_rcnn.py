"""Mask R-CNN (He et al., 2017, arXiv:1703.06870): finds instances with class, box and mask, at any number of them.

torchvision's two stages on a feature pyramid of any timm backbone, without what fails on crowded images of cells: no
resizing to 800 px, no colour statistics of photographs, no limit of 100 instances, and no mask of the size of the
image, neither as target nor as output. Masks stay in the frames of their boxes until they are pasted on one label map.
Every number of the settings stands in conf/model/mask_rcnn.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNN, MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from hpa.core.errors import InputError
from hpa.interfaces import InstanceOutput, Instances, PixelBatch, PixelTarget
from hpa.models.feature_pyramid import LEVELS, STRIDES, FeaturePyramid
from hpa.models.mask_pasting import MaskPasting
from hpa.models.mask_rcnn_losses import detection_targets, second_stage_losses

BOX_FEATURE_SIDE, MASK_FEATURE_SIDE, POINTS_A_SIDE = 7, 14, 2
"""Of the paper: features of a box are pooled to 7 x 7, of a mask to 14 x 14, which makes masks of 28 x 28."""
MASK_LAYERS = 4


@dataclass(frozen=True)
class Anchors:
    """Boxes that proposals start from, at every place of every map.

    Attributes:
        side_px: Side of the square anchor of each map, finest map (stride 4) first; one more than there are strides.
        height_over_width: Shapes, the area kept.
    """

    side_px: Sequence[int]
    height_over_width: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.side_px) != len(STRIDES) + 1:
            raise InputError(
                f"model.anchors.side_px needs {len(STRIDES) + 1} numbers, one a map of the pyramid, finest first; "
                f"came {list(self.side_px)}."
            )
        if not self.height_over_width or min(*self.side_px, *self.height_over_width) <= 0:
            raise InputError("model.anchors: sides and shapes are positive numbers, and there is at least one shape.")

    def generator(self) -> AnchorGenerator:
        """Return torchvision's generator of these anchors."""
        shapes = tuple(self.height_over_width)
        return AnchorGenerator(tuple((side,) for side in self.side_px), (shapes,) * len(self.side_px))


@dataclass(frozen=True)
class Proposals:
    """How many boxes go from the first stage to the second.

    Attributes:
        max_before_nms: Boxes of one map of an image that enter non-maximum suppression, best first.
        max_after_nms: Boxes of an image that are left after it.
        max_after_nms_training: The same in training, where only `Detections.proposals_per_image` are learned from.
        anchors_per_image: Anchors of an image that the first stage learns from in a step.
    """

    max_before_nms: int
    max_after_nms: int
    max_after_nms_training: int
    anchors_per_image: int


@dataclass(frozen=True)
class Detections:
    """What the second stage learns from and returns.

    Attributes:
        proposals_per_image: Proposals of an image that it learns from in a step, a quarter of them on instances where
            there are as many.
        max_instances: Limit of an image; far above the number of cells, or cells are lost.
        min_score: Instances below it are left out.
        nms_iou: Of two boxes of one class that overlap by more, only the better one is kept.
    """

    proposals_per_image: int
    max_instances: int
    min_score: float
    nms_iou: float


class NoTarget:
    """The target of a detector, which learns from the instances themselves: no planes."""

    plane_count: int = 0

    def planes(self, instances: Instances) -> Float32[np.ndarray, "0 height width"]:
        """Return no plane, at the size of the image."""
        return np.zeros((0, *instances.label_map.shape), np.float32)

    def rotate_vectors(
        self, planes: Float32[np.ndarray, "plane height width"], linear: Float[np.ndarray, "2 2"]
    ) -> Float32[np.ndarray, "plane height width"]:
        """Return the planes as they are."""
        del linear  # nothing here has a direction
        return planes

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Never:
        """Refuse: there is nothing to read instances from.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"a detector has no planes to read instances from, {logits.shape[0]} came; call model.instances(output)."
        )


class MaskRcnnModel(nn.Module):
    """Detector of instances in images of any size and number of channels.

    Attributes:
        target: One of no planes.
        class_count: Number of classes; background is not counted.

    Args:
        backbone: Name of a timm network, as in `FeaturePyramid`, like `weights` and `pretrained`.
        width: Channels of the pyramid and of the heads; 256 in the paper.
        anchors: Boxes that proposals start from; their sides should span those of the cells.
        proposals: How many boxes go from the first stage to the second.
        detections: What the second stage learns from and returns.
        pasting: How instances become a label map.
        channel_count: Channels of an image; comes from the data set.
        class_count: Number of classes; comes from the data set.

    Raises:
        InputError: If the backbone cannot be built.
    """

    def __init__(
        self,
        backbone: str,
        weights: str | None,
        pretrained: bool,
        width: int,
        anchors: Anchors,
        proposals: Proposals,
        detections: Detections,
        pasting: MaskPasting,
        channel_count: int,
        class_count: int,
    ) -> None:
        super().__init__()
        self.channel_count = channel_count
        self.class_count = class_count
        self.target: PixelTarget = NoTarget()
        self.pasting = pasting
        pyramid = FeaturePyramid(backbone, channel_count, width, weights, pretrained)
        self.network = _two_stages(pyramid, width, class_count, anchors, proposals, detections)

    def forward(self, batch: PixelBatch) -> InstanceOutput:
        """Return losses in training: `objectness`, `proposals`, `classes`, `boxes`, `masks`; else instances.

        Raises:
            InputError: If the images have another number of channels than the model, or an instance has no class.
        """
        if batch.images.shape[1] != self.channel_count:
            raise InputError(
                f"the model was made for {self.channel_count} channels, the images have {batch.images.shape[1]}; "
                "give data.channels as in training."
            )
        size_px = (batch.images.shape[2], batch.images.shape[3])
        padded = _padded(batch.images)
        images = ImageList(padded, [size_px] * len(batch))
        features = self.network.backbone(padded)
        if not self.training:
            found, _ = self.network.rpn(images, features)
            found, _ = self.network.roi_heads(features, found, images.image_sizes)
            return InstanceOutput({}, [_detections(image, size_px) for image in found])
        targets = [detection_targets(*one) for one in zip(batch.label_maps, batch.instance_classes, strict=True)]
        found, first = self.network.rpn(images, features, targets)
        second = second_stage_losses(self.network.roi_heads, features, found, images.image_sizes, targets)
        return InstanceOutput(
            {"objectness": first["loss_objectness"], "proposals": first["loss_rpn_box_reg"]} | second, []
        )

    def instances(self, output: InstanceOutput) -> list[Instances]:
        """Return the instances of each image on a label map, the most confident numbered 1; hidden ones are dropped."""
        return [self._pasted(found) for found in output.instances]

    def _pasted(self, found: dict[str, Tensor]) -> Instances:
        boxes, classes, scores, masks = (
            found[name].detach().cpu().numpy() for name in ("boxes", "classes", "scores", "masks")
        )
        height, width = found["size_px"].tolist()
        label_map, kept = self.pasting.paste(boxes, masks, height, width)
        return Instances(label_map, classes[kept], scores[kept])


def _two_stages(
    pyramid: FeaturePyramid,
    width: int,
    class_count: int,
    anchors: Anchors,
    proposals: Proposals,
    detections: Detections,
) -> MaskRCNN:
    """Build torchvision's detector; its resizing and its pasting of masks are never called."""
    return MaskRCNN(
        pyramid,
        rpn_anchor_generator=anchors.generator(),
        rpn_pre_nms_top_n_train=proposals.max_before_nms,
        rpn_pre_nms_top_n_test=proposals.max_before_nms,
        rpn_post_nms_top_n_train=proposals.max_after_nms_training,
        rpn_post_nms_top_n_test=proposals.max_after_nms,
        rpn_batch_size_per_image=proposals.anchors_per_image,
        box_roi_pool=_pool(BOX_FEATURE_SIDE),
        box_head=TwoMLPHead(width * BOX_FEATURE_SIDE**2, 4 * width),
        box_predictor=FastRCNNPredictor(4 * width, class_count + 1),
        box_batch_size_per_image=detections.proposals_per_image,
        box_detections_per_img=detections.max_instances,
        box_score_thresh=detections.min_score,
        box_nms_thresh=detections.nms_iou,
        mask_roi_pool=_pool(MASK_FEATURE_SIDE),
        mask_head=MaskRCNNHeads(width, (width,) * MASK_LAYERS, 1),
        mask_predictor=MaskRCNNPredictor(width, width, class_count + 1),
    )


def _pool(side: int) -> MultiScaleRoIAlign:
    """Return the pool of box features, with given strides: guessed from sizes, they are wrong for tiny images."""
    pool = MultiScaleRoIAlign(list(LEVELS), side, POINTS_A_SIDE)
    pool.scales = [1 / stride for stride in STRIDES]
    finest, coarsest = (stride.bit_length() - 1 for stride in (STRIDES[0], STRIDES[-1]))
    pool.map_levels = LevelMapper(finest, coarsest, pool.canonical_scale, pool.canonical_level)
    return pool


def _padded(images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image channel h w"]:
    """Return the images with black rows and columns added at the end, so that every stride divides their sides."""
    down, right = (-side % STRIDES[-1] for side in images.shape[-2:])
    return pad(images, (0, right, 0, down))


def _detections(found: dict[str, Tensor], size_px: tuple[int, int]) -> dict[str, Tensor]:
    """Return the detections of an image: classes from 0, masks without a channel axis, single precision."""
    return {
        "boxes": found["boxes"].float(),
        "classes": found["labels"] - 1,
        "scores": found["scores"].float(),
        "masks": found["masks"][:, 0].float(),
        "size_px": torch.tensor(size_px),
    }
