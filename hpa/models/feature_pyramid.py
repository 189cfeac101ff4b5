"""A timm network as a feature pyramid (Lin et al., 2017, arXiv:1612.03144): maps of one width at strides 4 to 64."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from hpa.core.errors import InputError
from hpa.models.backbone import ANY_SIDE_OPTIONS, TimmBackbone

STRIDES = (4, 8, 16, 32)
"""Strides of the maps that a backbone gives, in px; the pyramid adds one of twice the last."""
LEVELS = tuple(str(level) for level in range(len(STRIDES)))
"""Names of these maps in what the pyramid returns; the added one is called `pool`."""
DEPTH = 5
"""Halvings of the side down to the last stride."""


class FeaturePyramid(nn.Module):
    """Feature maps of a backbone, merged from coarse to fine.

    Attributes:
        out_channels: Channels of every map, under the name that torchvision's detectors read.

    Args:
        backbone: Name of a timm network that has maps at strides 4, 8, 16 and 32 (all but plain vision transformers).
        channel_count: Channels of an image.
        width: Channels of every map.
        weights: As in `TimmBackbone`, like `pretrained`.

    Raises:
        InputError: If the network is unknown, has no such maps, or the weights do not fit or cannot be had.
    """

    def __init__(self, backbone: str, channel_count: int, width: int, weights: str | None, pretrained: bool) -> None:
        super().__init__()
        # The whole network first: it checks names and weights.
        whole = TimmBackbone(backbone, channel_count, weights, pretrained, drop_path_rate=0.0, side_px=None).network
        self.body = _body(backbone, channel_count)
        _copy_weights(whole, self.body)
        self.pyramid = FeaturePyramidNetwork(self.body.out_channels[-len(STRIDES) :], width, LastLevelMaxPool())
        self.out_channels = width

    def forward(self, images: Float[Tensor, "image channel height width"]) -> dict[str, Tensor]:
        """Return the maps (image, width, height / stride, width / stride), finest first; sides are multiples of 32."""
        return self.pyramid(dict(zip(LEVELS, self.body(images)[-len(STRIDES) :], strict=True)))


def _body(name: str, channel_count: int) -> Any:
    """Build the network without what follows its last map, for any side where its family can."""
    refusal: Exception | None = None
    for any_side in ANY_SIDE_OPTIONS:
        try:
            return get_encoder(f"tu-{name}", in_channels=channel_count, depth=DEPTH, weights=None, **any_side)
        except TypeError as error:  # an option this family does not have
            refusal = error
        except (ValueError, RuntimeError, AttributeError, IndexError) as error:  # no maps, or not at these strides
            refusal = error
            break
    raise InputError(
        f"backbone '{name}' has no feature maps at strides {', '.join(map(str, STRIDES))} px, which a pyramid is made "
        f"of; choose e.g. resnet50, convnext_tiny or efficientnet_b0. ({refusal})"
    )


def _copy_weights(whole: nn.Module, body: Any) -> None:
    """Fill the body from the whole network; timm writes `stages_0` in the one, `stages.0` in the other."""
    state = {name.replace(".", "_"): value for name, value in whole.state_dict().items()}
    network: nn.Module = body.model
    names = {name: name.removeprefix("model.").replace(".", "_") for name in network.state_dict()}
    missing = [name for name, plain in names.items() if plain not in state]
    if missing:
        raise InputError(
            f"backbone: '{missing[0]}' of its feature maps is not in the network; choose another backbone."
        )
    network.load_state_dict({name: state[plain] for name, plain in names.items()})
