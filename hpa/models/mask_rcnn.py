"""Mask R-CNN (He et al., 2017, arXiv:1703.06870): finds instances with class, box and mask, at any number of them.

torchvision's two stages on a feature pyramid of any timm backbone, without what fails on crowded fields of cells: no
resizing to 800 px, no colour statistics of photographs, no end at 100 instances, and no mask of the size of the image,
neither told nor found. Masks stay in the frames of their boxes until they are painted on one label map.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNN, MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from hpa.core.errors import InputError
from hpa.interfaces import InstanceOutput, Instances, PixelBatch, PixelTarget
from hpa.models.detection_settings import Anchors, Detections, Proposals
from hpa.models.feature_pyramid import LEVELS, STRIDES, FeaturePyramid
from hpa.models.instance_losses import second_stage_losses
from hpa.models.instance_painting import InstancePainting
from hpa.models.instance_targets import detection_targets
from hpa.models.target.none import NoTarget

BOX_FEATURE_SIDE, MASK_FEATURE_SIDE, POINTS_A_SIDE = 7, 14, 2
"""Of the paper: features of a box are pooled to 7 x 7, of a mask to 14 x 14, which makes masks of 28 x 28."""
MASK_LAYERS = 4


class MaskRcnnModel(nn.Module):
    """Detector of instances in images of any size and number of channels.

    Attributes:
        target: Says that there are no planes to learn.
        class_count: Number of classes; background is not counted.

    Args:
        backbone: Name of a timm network, as in `FeaturePyramid`, like `weights` and `pretrained`.
        width: Channels of the pyramid and of the heads; 256 in the paper.
        anchors: Boxes that proposals start from; their sides should span those of the cells.
        proposals: How many boxes go from the first stage to the second.
        detections: What the second stage learns from and gives back.
        painting: How instances become a label map.
        channel_count: Channels of an image; comes from the data set.
        class_count: Number of classes; comes from the data set.

    Raises:
        InputError: If the backbone cannot be built as asked.
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
        painting: InstancePainting,
        channel_count: int,
        class_count: int,
    ) -> None:
        super().__init__()
        self.channel_count = channel_count
        self.class_count = class_count
        self.target: PixelTarget = NoTarget()
        self.painting = painting
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
            return InstanceOutput({}, [_in_our_words(one, size_px) for one in found])
        targets = [detection_targets(*one) for one in zip(batch.label_maps, batch.instance_classes, strict=True)]
        found, first = self.network.rpn(images, features, targets)
        second = second_stage_losses(self.network.roi_heads, features, found, images.image_sizes, targets)
        return InstanceOutput(
            {"objectness": first["loss_objectness"], "proposals": first["loss_rpn_box_reg"]} | second, []
        )

    def instances(self, output: InstanceOutput) -> list[Instances]:
        """Return the instances of each image on a label map, the surest numbered 1; hidden ones are dropped."""
        return [self._painted(one) for one in output.instances]

    def _painted(self, found: dict[str, Tensor]) -> Instances:
        boxes, classes, scores, masks = (
            found[name].detach().cpu().numpy() for name in ("boxes", "classes", "scores", "masks")
        )
        height, width = found["size_px"].tolist()
        label_map, kept = self.painting.paint(boxes, masks, height, width)
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
        rpn_pre_nms_top_n_train=proposals.before_suppression,
        rpn_pre_nms_top_n_test=proposals.before_suppression,
        rpn_post_nms_top_n_train=proposals.kept_in_training,
        rpn_post_nms_top_n_test=proposals.kept,
        rpn_batch_size_per_image=proposals.sampled_anchors,
        box_roi_pool=_pool(BOX_FEATURE_SIDE),
        box_head=TwoMLPHead(width * BOX_FEATURE_SIDE**2, 4 * width),
        box_predictor=FastRCNNPredictor(4 * width, class_count + 1),
        box_batch_size_per_image=detections.sampled,
        box_detections_per_img=detections.most,
        box_score_thresh=detections.min_score,
        box_nms_thresh=detections.suppression_iou,
        mask_roi_pool=_pool(MASK_FEATURE_SIDE),
        mask_head=MaskRCNNHeads(width, (width,) * MASK_LAYERS, 1),
        mask_predictor=MaskRCNNPredictor(width, width, class_count + 1),
    )


def _pool(side: int) -> MultiScaleRoIAlign:
    """Return what pools the features of boxes, told the strides: guessed from sizes, they are wrong for tiny images."""
    pool = MultiScaleRoIAlign(list(LEVELS), side, POINTS_A_SIDE)
    pool.scales = [1 / stride for stride in STRIDES]
    finest, coarsest = (stride.bit_length() - 1 for stride in (STRIDES[0], STRIDES[-1]))
    pool.map_levels = LevelMapper(finest, coarsest, pool.canonical_scale, pool.canonical_level)
    return pool


def _padded(images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image channel h w"]:
    """Return the images with black rows and columns added at the end, so that every stride divides their sides."""
    down, right = (-side % STRIDES[-1] for side in images.shape[-2:])
    return pad(images, (0, right, 0, down))


def _in_our_words(found: dict[str, Tensor], size_px: tuple[int, int]) -> dict[str, Tensor]:
    """Return what torchvision found in an image: classes from 0, masks without a channel axis, single precision."""
    return {
        "boxes": found["boxes"].float(),
        "classes": found["labels"] - 1,
        "scores": found["scores"].float(),
        "masks": found["masks"][:, 0].float(),
        "size_px": torch.tensor(size_px),
    }
