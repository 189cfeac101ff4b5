"""Looks at the whole image once and pools its feature map under each cell: `model.view=field`.

A cell is judged with its surroundings, at the cost of one forward an image instead of one a cell. Pooling a map inside
a region is He et al.'s spatial pyramid idea (2014, arXiv:1406.4729); masks instead of boxes as in Dai, He and Sun's
convolutional feature masking (2015, arXiv:1412.1283). Heads, strategies and losses are those of crops.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput, FieldBatch
from hpa.models.backbone import TimmBackbone
from hpa.models.field_maps import FieldMaps


class FieldModel(nn.Module):
    """A timm backbone on whole images, a mean under each cell, and a head.

    Attributes:
        feature_count: Length of the feature vectors that the head gives.
        class_count: Number of classes.
        stride: As below.

    Args:
        backbone: Name of a timm network that takes images of any side.
        head: As in `CropModel`.
        channel_count: Channels of an image; comes from the data set.
        class_count: Number of classes; comes from the data set.
        weights: As in `TimmBackbone`, like `pretrained` and `drop_path_rate`.
        stride: Side of a place of the pooled map, in px of the image as it is shown.
        decoder_width: As in `FieldMaps`.
        intensity_mean: Subtracted from intensities in [0, 1], in every channel.
        intensity_std: What the difference is divided by, > 0.

    Raises:
        InputError: If the backbone cannot be built as asked, or has no map at the stride.
    """

    def __init__(
        self,
        backbone: str,
        head: Callable[..., nn.Module],
        channel_count: int,
        class_count: int,
        weights: str | None,
        pretrained: bool,
        drop_path_rate: float,
        stride: int,
        decoder_width: int | None,
        intensity_mean: float,
        intensity_std: float,
    ) -> None:
        super().__init__()
        if not intensity_std > 0:
            raise InputError(f"model.intensity_std must be positive, not {intensity_std}.")
        self.channel_count = channel_count
        self.intensity_mean = intensity_mean
        self.intensity_std = intensity_std
        whole = TimmBackbone(backbone, channel_count, weights, pretrained, drop_path_rate, side_px=None)
        self.maps = FieldMaps(whole, channel_count, stride, decoder_width)
        self.head = head(feature_count=self.maps.feature_count, class_count=class_count)
        self.stride = stride
        self.feature_count = self.head.feature_count
        self.class_count = class_count

    def forward(self, batch: CellBatch) -> CellOutput:
        """Return features and logits of each cell.

        Raises:
            InputError: If the batch has no whole images, or they have another number of channels than the model.
        """
        fields = self._fields_of(batch)
        maps = self.maps((fields.images - self.intensity_mean) / self.intensity_std)
        features, logits = self.head(pool_under_cells(maps, fields.coverage, batch.image_of_cell))
        return CellOutput(features=features, logits=logits)

    def _fields_of(self, batch: CellBatch) -> FieldBatch:
        if batch.fields is None:
            raise InputError(
                "a model of whole fields was given crops of cells alone; train and infer with its own run."
            )
        channels = batch.fields.images.shape[1]
        if channels != self.channel_count:
            raise InputError(
                f"the model was made for {self.channel_count} channels, the fields have {channels}; give data.channels "
                "as in training."
            )
        return batch.fields


def pool_under_cells(
    maps: Float[Tensor, "image feature h w"],
    coverage: Float[Tensor, "cell grid grid"],
    image_of_cell: Int[Tensor, " cell"],
) -> Float[Tensor, "cell feature"]:
    """Return the mean of the map over each cell's area, in float32; a map of another size is resized to the grid.

    The mean is exact: it is that over the pixels of the full-size mask of a map enlarged to full size, every pixel
    taking the value of the place it lies in.
    """
    with torch.autocast(maps.device.type, enabled=False):  # a mean of thousands of px in half precision would round
        maps, coverage = maps.float(), coverage.float()
        if maps.shape[-2:] != coverage.shape[-2:]:
            maps = interpolate(maps, coverage.shape[-2:], mode="bilinear", align_corners=False)
        pooled = maps.new_zeros(len(coverage), maps.shape[1])
        for image, one in enumerate(maps):
            cells = (image_of_cell == image).nonzero()[:, 0]
            # (cell, place) @ (place, feature)
            pooled = pooled.index_add(0, cells, coverage[cells].flatten(1) @ one.flatten(1).T)
        return pooled
