"""The network of HPA-Cell-Segmentation: a DPN-92 encoder and a U-Net-like decoder of ten convolutions at full width.

Dual path networks: Chen et al., NeurIPS 2017, arXiv:1707.01629; U-Net: Ronneberger et al., MICCAI 2015,
arXiv:1505.04597. timm holds the encoder exactly. Ready-made decoders cannot hold the rest: here each step convolves,
then concatenates, then convolves, without normalisation, and the skips come raw, before any activation.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 32
"""Height and width of the input must be multiples of this."""
_STAGE_ENDS = ("conv1_1", "conv2_3", "conv3_4", "conv4_20", "conv5_bn_ac")
_WIDTHS = (2688, 1552, 704, 336, 64)
"""Channels after each encoder stage, deepest first."""
_CLASSES = 3
"""Background, border between touching objects, body."""


class HpaCellNetwork(nn.Module):
    """139 million parameters; for inference: weights come from the publication, see `weights.load_network`."""

    def __init__(self) -> None:
        super().__init__()
        # the last activation was ELU in early timm and is ReLU now; the name of its argument still suggests ELU
        encoder = timm.create_model("dpn92", pretrained=False, num_classes=0, fc_act_layer="relu")
        self.encoder = cast(nn.Sequential, encoder.features)
        self.decoder = nn.ModuleList(_DecoderStep(deep, skip) for deep, skip in pairwise(_WIDTHS))
        self.last = nn.Conv2d(_WIDTHS[-1], _WIDTHS[-1], kernel_size=3, padding=1)
        self.final = nn.Conv2d(_WIDTHS[-1], _CLASSES, kernel_size=3, padding=1)

    def forward(self, planes: Float[Tensor, "field 3 height width"]) -> Float[Tensor, "field 3 height width"]:
        """Return logits of background, border and body."""
        *skips, deep = self.taps(planes)
        for step, skip in zip(self.decoder, reversed(skips), strict=True):
            deep = step(deep, skip)
        return self.final(functional.relu(self.last(_doubled(deep))))

    def taps(
        self, planes: Float[Tensor, "field 3 height width"]
    ) -> Iterator[Float[Tensor, "field feature low_height low_width"]]:
        """Yield the output of each of the five encoder stages, at 1/2 to 1/32 of the size, one after the other."""
        x: Tensor | tuple[Tensor, Tensor] = planes
        for name, layer in self.encoder.named_children():
            x = layer(x)
            if name in _STAGE_ENDS:
                # timm keeps the residual and the dense path apart within a stage
                yield torch.cat(x, dim=1) if isinstance(x, tuple) else x


class _DecoderStep(nn.Module):
    """Upsamples a map, narrows it to the width of the skip, and concatenates the two."""

    def __init__(self, deep: int, skip: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(deep, skip, kernel_size=3, padding=1)
        self.join = nn.Conv2d(2 * skip, skip, kernel_size=3, padding=1)

    def forward(
        self,
        deep: Float[Tensor, "field deep_feature low_height low_width"],
        skip: Float[Tensor, "field feature height width"],
    ) -> Float[Tensor, "field feature height width"]:
        narrow = functional.relu(self.narrow(_doubled(deep)))
        return functional.relu(self.join(torch.cat([narrow, skip], dim=1)))


def _doubled(low: Float[Tensor, "field feature height width"]) -> Float[Tensor, "field feature double_h double_w"]:
    return functional.interpolate(low, scale_factor=2, mode="nearest")


def empty_network() -> HpaCellNetwork:
    """Return the network without memory for its weights, ready to be given some."""
    with torch.device("meta"):
        return HpaCellNetwork().eval().requires_grad_(False)


def published_name(own: str) -> str:
    """Return the name that the publication gives to a parameter or layer of ours.

    >>> published_name("encoder.conv4_20.c3x3_b.conv.weight"), published_name("decoder.0.narrow.bias")
    ('encoder_stages.3.19.c3x3_b.conv.weight', 'decoder_stages.3.layer.1.bias')
    """
    part, _, rest = own.partition(".")
    if part == "encoder":
        stage, _, tail = rest.partition(".")
        return f"encoder_stages.{_published_stage(stage, tail)}"
    if part == "decoder":
        step, layer, *tails = rest.split(".")
        # the publication counts its decoder stages from the finest, its bottlenecks from the deepest
        place = f"decoder_stages.{3 - int(step)}.layer.1" if layer == "narrow" else f"bottlenecks.{step}.seq.0"
        return ".".join([place, *tails])
    place = {"last": "last_upsample.layer.1", "final": "final.0"}[part]
    return ".".join([place, rest]) if rest else place


def _published_stage(stage: str, tail: str) -> str:
    if stage == "conv1_1":
        # a Sequential there: convolution 0, normalisation 1
        return "0." + tail.replace("conv", "0", 1).replace("bn", "1", 1)
    if stage == "conv5_bn_ac":
        return f"4.3.{tail}"
    group, block = stage.removeprefix("conv").split("_")
    # stage 1 begins with a pooling layer, so that its blocks count from 1
    first = 0 if group == "2" else 1
    return f"{int(group) - 1}.{int(block) - first}.{tail}"


def published_shapes(network: HpaCellNetwork) -> OrderedDict[str, tuple[int, ...]]:
    """Return name and shape of every tensor of the published files."""
    return OrderedDict((published_name(own), tuple(value.shape)) for own, value in network.state_dict().items())
