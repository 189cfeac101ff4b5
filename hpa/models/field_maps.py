"""Feature maps of any timm network at one stride, with or without a pyramid that joins coarser maps into it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.errors import InputError
from hpa.models.backbone import TimmBackbone


class FieldMaps(nn.Module):
    """The maps of a backbone at one stride.

    Attributes:
        feature_count: Channels of the map.

    Args:
        backbone: A network that takes images of any side; stages beyond the last map used are removed from it.
        channel_count: Channels of an image.
        stride: Side of a place of the map in px: one at which the network has a map.
        decoder_width: Channels of a pyramid over all coarser maps; None takes the network's own map at the stride.

    Raises:
        InputError: If the network takes one side only, or has no map at the stride.
    """

    def __init__(self, backbone: TimmBackbone, channel_count: int, stride: int, decoder_width: int | None) -> None:
        super().__init__()
        if backbone.side_px is not None:
            raise InputError(
                f"backbone '{backbone.name}' sees pictures of {backbone.side_px} px only, a field is larger; choose "
                "another model=, e.g. resnet50, or model/view=crop."
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
        """Return the map of each image, every place of it `stride` px of the image.

        An image whose sides are no multiple of the stride (one that test-time augmentation has scaled) is enlarged to
        the next: filled up instead, its last places would lie beyond it, and cells beside their pixels.

        Raises:
            InputError: If the network refuses images of this size.
        """
        height, width = (math.ceil(side / self._stride) * self._stride for side in images.shape[-2:])
        if (height, width) != images.shape[-2:]:
            images = interpolate(images, (height, width), mode="bilinear", align_corners=False)
        images = images.contiguous(memory_format=torch.channels_last)
        try:
            maps = cast("Any", self.network).forward_intermediates(
                images, indices=self._indices, norm=True, intermediates_only=True
            )
        except AssertionError as refusal:  # how timm's networks refuse a size, e.g. one that patches do not divide
            raise InputError(
                f"backbone '{self._name}' does not take images of {images.shape[-1]} px ({refusal}); choose "
                "field.side_px, and tta.scales, so that its patches divide the side."
            ) from refusal
        return maps[0] if self.decoder is None else self.decoder(maps)


class PyramidDecoder(nn.Module):
    """Joins maps from coarse to fine into the finest (Lin et al., 2017, arXiv:1612.03144).

    Args:
        counts: Channels of the maps, finest first.
        width: Channels of the joined map.
    """

    def __init__(self, counts: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, kernel_size=1) for count in counts)
        self.smooth = nn.Conv2d(width, width, kernel_size=3, padding=1)

    def forward(self, maps: Sequence[Float[Tensor, "image _ _ _"]]) -> Float[Tensor, "image feature h w"]:
        """Return the joined map; maps come finest first."""
        joined = self.lateral[-1](maps[-1])
        for lateral, finer in zip(reversed(self.lateral[:-1]), reversed(maps[:-1]), strict=True):
            joined = lateral(finer) + interpolate(joined, finer.shape[-2:], mode="nearest")
        return self.smooth(joined)


def _maps_at_strides(network: Any, channel_count: int, side_px: int) -> dict[int, tuple[int, int]]:
    """Return number and channels of the last map at each stride, from a dry run at the side it was designed for."""
    was_training = network.training
    with torch.inference_mode():
        maps = network.eval().forward_intermediates(
            torch.zeros(1, channel_count, side_px, side_px), intermediates_only=True
        )
    network.train(was_training)
    # rounded: networks without padding (Inception) lose a few px at the edges
    return {round(side_px / one.shape[-1]): (index, one.shape[1]) for index, one in enumerate(maps)}
