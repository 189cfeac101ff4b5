"""The settings of a two-stage detector that belong together; every number stands in conf/model/mask_rcnn.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torchvision.models.detection.anchor_utils import AnchorGenerator

from hpa.core.errors import InputError
from hpa.models.feature_pyramid import STRIDES


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
        """Return what lays them over the maps."""
        shapes = tuple(self.height_over_width)
        return AnchorGenerator(tuple((side,) for side in self.side_px), (shapes,) * len(self.side_px))


@dataclass(frozen=True)
class Proposals:
    """How many boxes go from the first stage to the second.

    Attributes:
        before_suppression: Most of one map of an image that are looked at, best first.
        kept: Most of an image that are left after overlapping ones are suppressed.
        kept_in_training: The same while training, where only `Detections.sampled` of them are learned from.
        sampled_anchors: Anchors of an image that the first stage learns from in a step.
    """

    before_suppression: int
    kept: int
    kept_in_training: int
    sampled_anchors: int


@dataclass(frozen=True)
class Detections:
    """What the second stage learns from and gives back.

    Attributes:
        sampled: Proposals of an image that it learns from in a step, a quarter of them on instances where there are
            as many.
        most: Most instances of an image; far above the number of cells, or cells are lost.
        min_score: Instances below it are left out.
        suppression_iou: Of two boxes of one class that overlap by more, the better one stays.
    """

    sampled: int
    most: int
    min_score: float
    suppression_iou: float
