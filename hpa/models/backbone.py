"""Any network of timm (Wightman, 2019, doi:10.5281/zenodo.4414861), for any number of channels, as pooled features."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, cast

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.models.timm_weights import published_weights
from hpa.models.weights import description_of, load_weights, read_weights

PROBE_SIDE_PX = 96
"""No network of timm is designed for this side: one that runs on it takes (nearly) any."""
ANY_SIDE_OPTIONS: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"strict_img_size": False},
    {},
)
"""Options by which transformer families of timm take any side, tried in this order; black fills up the last patch."""


class TimmBackbone(nn.Module):
    """Network of timm without its classifier.

    Attributes:
        name: Architecture.
        native_px: Side that the network was designed for.
        feature_count: Length of a feature vector.
        side_px: Side that images are resized to before the network, or None where it takes them as they come.

    Args:
        name: Architecture, e.g. "resnet50" or "convnext_atto.d2_in1k"; the tag after the dot matters to `pretrained`.
        channel_count: Channels of an image.
        weights: A local .safetensors file or saved state dict of this architecture, or None.
        pretrained: Whether to fetch timm's published weights (the only thing that ever uses the network).
        drop_path_rate: Stochastic depth (Huang et al., 2016, arXiv:1603.09382), 0 for none.
        side_px: Side that images are resized to; None: as they come where it can, else the side it was designed for.

    Raises:
        InputError: If the name is unknown, the weights do not fit or cannot be had, or the network lacks an option.
    """

    def __init__(
        self,
        name: str,
        channel_count: int,
        weights: str | None,
        pretrained: bool,
        drop_path_rate: float,
        side_px: int | None,
    ) -> None:
        super().__init__()
        _require_known(name)
        self.network = _build(name, channel_count, drop_path_rate)
        if weights is not None and pretrained:
            raise InputError("model.weights and model.pretrained exclude each other: give a file or true, not both.")
        if weights is not None:
            load_weights(self.network, read_weights(as_path(weights)), name, f"'{weights}'")
        if pretrained:
            load_weights(self.network, published_weights(name), name, "the published file")
        self.name = name
        self.native_px = int(description_of(self.network)["input_size"][-1])
        self.side_px, self.feature_count = self._side_and_features(channel_count, side_px)
        # Measured per training step on one CPU thread at 128 px: 1 % (ResNet-18) to 26 % (EfficientNet) less time.
        self.network.to(memory_format=torch.channels_last)

    def forward(self, images: Float[Tensor, "cell channel height width"]) -> Float[Tensor, "cell feature"]:
        """Return the pooled features of each image.

        Raises:
            InputError: If the network does not take images of this size.
        """
        return self._run(self.network, images)

    def with_positions(
        self, images: Float[Tensor, "cell channel height width"]
    ) -> tuple[Float[Tensor, "cell feature"], Float[Tensor, "cell h w feature"]]:
        """Return the pooled features of each image, and those of each position of its last map pooled by itself.

        Raises:
            InputError: If the network does not take images of this size, or has no map.
        """
        network = cast("Any", self.network)
        last = self._run(network.forward_features, images)
        if last.ndim != 4:
            raise InputError(f"backbone '{self.name}' has no feature map; choose a convolutional one, or swin.")
        channels_first = last.shape[1] == network.num_features  # else channels come last
        positions = last.permute(0, 2, 3, 1) if channels_first else last
        alone = positions.flatten(0, 2)[:, :, None, None] if channels_first else positions.flatten(0, 2)[:, None, None]
        return network.forward_head(last), network.forward_head(alone).unflatten(0, positions.shape[:3])

    def _run(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return the output of a network for images resized to the side that it takes."""
        if self.side_px is not None and images.shape[-2:] != (self.side_px, self.side_px):
            size = (self.side_px, self.side_px)
            images = interpolate(images, size, mode="bilinear", antialias=True)
        try:
            return network(images.contiguous(memory_format=torch.channels_last))
        except AssertionError as error:  # how timm's networks reject a size, e.g. one that patches do not divide
            raise InputError(_side_error(self.name, images.shape[-1], self.native_px, error)) from error

    def _side_and_features(self, channel_count: int, side_px: int | None) -> tuple[int | None, int]:
        """Return the side to resize to (None for any) and the number of features, from a dry run."""
        designed = ((PROBE_SIDE_PX, None), (self.native_px, self.native_px))
        refusal: Exception | None = None
        for tried_px, resized_px in designed if side_px is None else ((side_px, side_px),):
            try:
                return resized_px, _dry_run(self.network, channel_count, tried_px)
            except (AssertionError, RuntimeError, ValueError) as error:  # how timm's families reject a side
                refusal = error
        raise InputError(_side_error(self.name, tried_px, self.native_px, refusal))


def _require_known(name: str) -> None:
    architecture, _, tag = name.partition(".")
    known = timm.list_models()
    if tag and architecture in known:
        known = timm.list_models(f"{architecture}.*", pretrained=True)
    if name in known:
        return
    close = get_close_matches(name, known, n=5, cutoff=0.5)
    nearest = f"; nearest names: {', '.join(close)}" if close else ""
    raise InputError(f"model.backbone: timm {timm.__version__} has no '{name}'{nearest}. timm.list_models() has all.")


def _build(name: str, channel_count: int, drop_path_rate: float) -> nn.Module:
    """Build an untrained network without classifier, for any side where its family can."""
    options: dict[str, Any] = {"drop_path_rate": drop_path_rate} if drop_path_rate > 0 else {}
    refusal = ""
    for any_side in ANY_SIDE_OPTIONS:
        try:
            return timm.create_model(name, in_chans=channel_count, num_classes=0, **any_side, **options)
        except TypeError as error:  # an option this family does not have
            refusal = str(error)
    if options:
        raise InputError(f"backbone '{name}' has no stochastic depth: write model.drop_path_rate=0. ({refusal})")
    raise InputError(f"backbone '{name}' cannot be built for {channel_count} channels: {refusal}")


def _side_error(name: str, side_px: int, native_px: int, refusal: Exception | None) -> str:
    return (
        f"backbone '{name}' does not take crops of {side_px} px ({refusal}); "
        f"write model.side_px={native_px}, the side it was designed for: crops are resized to it."
    )


def _dry_run(network: nn.Module, channel_count: int, side_px: int) -> int:
    """Return the number of features of a black image."""
    was_training = network.training
    with torch.inference_mode():
        features = network.eval()(torch.zeros(1, channel_count, side_px, side_px))
    network.train(was_training)
    return int(features.shape[1])
