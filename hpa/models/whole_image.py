"""The whole-image view of a cell (`model/view=whole_image`): one forward an image, its map pooled under each cell.

A cell is classified with its surroundings, at the cost of one forward an image instead of one a cell. Pooling a map
inside a region is He et al.'s spatial pyramid idea (2014, arXiv:1406.4729); masks instead of boxes as in Dai, He and
Sun's convolutional feature masking (2015, arXiv:1412.1283). Heads, strategies and losses are those of crops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput, FieldBatch
from hpa.models.backbone import TimmBackbone


class WholeImageModel(nn.Module):
    """A timm backbone on whole images, a mean under each cell, and a head.

    Attributes:
        feature_count: Length of the head's feature vectors.
        class_count: Number of classes.
        stride: As below.

    Args:
        backbone: Name of a timm network that takes images of any side.
        head: As in `CropModel`.
        channel_count: Channels of an image; comes from the data set.
        class_count: Number of classes; comes from the data set.
        weights: As in `TimmBackbone`, like `pretrained` and `drop_path_rate`.
        stride: Side of a position of the pooled map, in px of the image that the network gets.
        decoder_width: As in `BackboneMaps`.
        intensity_mean: Subtracted from intensities in [0, 1], in every channel.
        intensity_std: What the difference is divided by, > 0.

    Raises:
        InputError: If the backbone cannot be built, or has no map at the stride.
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
        self.maps = BackboneMaps(whole, channel_count, stride, decoder_width)
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
                "model/view=whole_image needs whole images, the batch holds crops; train and infer with its own run."
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

    The mean is exact: it equals the mean over the pixels of the full-size mask of a map enlarged to full size by
    nearest neighbour.
    """
    with torch.autocast(maps.device.type, enabled=False):  # a mean of thousands of px in half precision would round
        maps, coverage = maps.float(), coverage.float()
        if maps.shape[-2:] != coverage.shape[-2:]:
            maps = interpolate(maps, coverage.shape[-2:], mode="bilinear", align_corners=False)
        pooled = maps.new_zeros(len(coverage), maps.shape[1])
        for image, image_map in enumerate(maps):
            cells = (image_of_cell == image).nonzero()[:, 0]
            # (cell, position) @ (position, feature)
            pooled = pooled.index_add(0, cells, coverage[cells].flatten(1) @ image_map.flatten(1).T)
        return pooled


class BackboneMaps(nn.Module):
    """The maps of a backbone at one stride.

    Attributes:
        feature_count: Channels of the map.

    Args:
        backbone: A network that takes images of any side; stages beyond the last map used are removed from it.
        channel_count: Channels of an image.
        stride: Side of a position of the map in px: one at which the network has a map.
        decoder_width: Channels of a pyramid over all coarser maps; None takes the network's own map at the stride.

    Raises:
        InputError: If the network takes one side only, or has no map at the stride.
    """

    def __init__(self, backbone: TimmBackbone, channel_count: int, stride: int, decoder_width: int | None) -> None:
        super().__init__()
        if backbone.side_px is not None:
            raise InputError(
                f"backbone '{backbone.name}' takes images of {backbone.side_px} px only, whole images are larger; "
                "choose another model=, e.g. resnet50, or model/view=crop."
            )
        self._name = backbone.name
        self._stride = stride
        self.network = backbone.network
        found = _maps_at_strides(self.network, channel_count, backbone.native_px)
        if stride not in found:
            raise InputError(
                f"model.stride={stride}: backbone '{backbone.name}' has maps at strides "
                f"{', '.join(map(str, sorted(found)))} px; choose one of these."
            )
        used = sorted(step for step in found if step == stride or (decoder_width is not None and step > stride))
        self._indices = [found[step][0] for step in used]
        counts = [found[step][1] for step in used]
        cast("Any", self.network).prune_intermediate_layers(self._indices, prune_head=True)
        self.decoder = None if decoder_width is None else PyramidDecoder(counts, decoder_width)
        self.feature_count = counts[0] if decoder_width is None else decoder_width

    def forward(self, images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image feature h w"]:
        """Return the map of each image, every position of it `stride` px of the image.

        An image whose sides are no multiple of the stride (one scaled by test-time augmentation) is enlarged to the
        next multiple: with padding, map and cells would not be aligned.

        Raises:
            InputError: If the network does not take images of this size.
        """
        height, width = (math.ceil(side / self._stride) * self._stride for side in images.shape[-2:])
        if (height, width) != images.shape[-2:]:
            images = interpolate(images, (height, width), mode="bilinear", align_corners=False)
        images = images.contiguous(memory_format=torch.channels_last)
        try:
            maps = cast("Any", self.network).forward_intermediates(
                images, indices=self._indices, norm=True, intermediates_only=True
            )
        except AssertionError as refusal:  # how timm's networks reject a size, e.g. one that patches do not divide
            raise InputError(
                f"backbone '{self._name}' does not take images of {images.shape[-1]} px ({refusal}); choose "
                "field.side_px, and tta.scales, so that its patches divide the side."
            ) from refusal
        return maps[0] if self.decoder is None else self.decoder(maps)


class PyramidDecoder(nn.Module):
    """Merges maps from coarse to fine into the finest (Lin et al., 2017, arXiv:1612.03144).

    Args:
        counts: Channels of the maps, finest first.
        width: Channels of the merged map.
    """

    def __init__(self, counts: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, kernel_size=1) for count in counts)
        self.smooth = nn.Conv2d(width, width, kernel_size=3, padding=1)

    def forward(self, maps: Sequence[Float[Tensor, "image _ _ _"]]) -> Float[Tensor, "image feature h w"]:
        """Return the merged map; maps come finest first."""
        merged = self.lateral[-1](maps[-1])
        for lateral, finer in zip(reversed(self.lateral[:-1]), reversed(maps[:-1]), strict=True):
            merged = lateral(finer) + interpolate(merged, finer.shape[-2:], mode="nearest")
        return self.smooth(merged)


def _maps_at_strides(network: Any, channel_count: int, side_px: int) -> dict[int, tuple[int, int]]:
    """Return number and channels of the last map at each stride, from a dry run at the side it was designed for."""
    was_training = network.training
    with torch.inference_mode():
        maps = network.eval().forward_intermediates(
            torch.zeros(1, channel_count, side_px, side_px), intermediates_only=True
        )
    network.train(was_training)
    # rounded: networks without padding (Inception) lose a few px at the edges
    return {round(side_px / found.shape[-1]): (index, found.shape[1]) for index, found in enumerate(maps)}
