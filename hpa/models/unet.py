"""Dense networks: an encoder of any family and a decoder back to every pixel (U-Net, Ronneberger et al., MICCAI 2015).

Architectures and encoders are those of segmentation_models_pytorch (Iakubovskii, 2019), which takes any timm network
as `tu-<name>`.
"""

from __future__ import annotations

import logging
from typing import Any, cast

import segmentation_models_pytorch as smp
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.interfaces import Instances, PixelBatch, PixelOutput, PixelTarget
from hpa.models.weights import load_encoder_weights, read_weights

log = logging.getLogger(__name__)
_MIX_TRANSFORMER_LICENCE = (
    "the published weights of Mix Transformers (NVIDIA's SegFormer) are for non-commercial use only; weights that you "
    "trained yourself from nothing are yours."
)


class UnetModel(nn.Module):
    """A dense network of segmentation_models_pytorch, on images of any size.

    Attributes:
        target: Encodes instances as planes, and decodes them from the network's output.
        feature_count: Channels of the encoder's deepest map.

    Args:
        architecture: As `smp.create_model` names it: unet, unetplusplus, fpn, deeplabv3plus, segformer, upernet, …
        encoder: Encoder, e.g. resnet18, mit_b0, or tu-convnext_atto for a network of timm.
        decoder: Options of the architecture, e.g. decoder_channels.
        target: See above; its number of planes is that of the network.
        weights: A local .safetensors file or state dict of the encoder, or None to start anew.
        channel_count: Channels of an image; comes from the data set.
        class_count: Number of classes; dense networks find instances of one class.

    Raises:
        InputError: If the network cannot be built, or the weights do not fit.
    """

    def __init__(
        self,
        architecture: str,
        encoder: str,
        decoder: dict[str, Any],
        target: PixelTarget,
        weights: str | None,
        channel_count: int,
        class_count: int,
    ) -> None:
        super().__init__()
        if class_count != 1:
            raise InputError(f"model=unet finds instances of one class, the data set has {class_count}; mask_rcnn can.")
        self.target = target
        self.channel_count = channel_count
        if ":" in encoder or "/" in encoder:  # timm would look such names up on a server
            raise InputError(
                f"model.encoder={encoder}: expected the name of an encoder, e.g. resnet18 or tu-convnext_atto."
            )
        try:
            self.network = smp.create_model(
                architecture,
                encoder_name=encoder,
                encoder_weights=None,
                in_channels=channel_count,
                classes=target.plane_count,
                **decoder,
            )
        except (
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            raise InputError(f"model.architecture={architecture} model.encoder={encoder}: {error}") from error
        if weights is not None:
            if encoder.startswith("mit_"):
                log.warning("model.weights=%s: %s", weights, _MIX_TRANSFORMER_LICENCE)
            load_encoder_weights(self.network.encoder, read_weights(as_path(weights)), f"'{weights}'")
        self.feature_count = int(self.network.encoder.out_channels[-1])
        self.stride_px = int(getattr(self.network.encoder, "output_stride", 32))
        # Measured on two cores with bfloat16: half the time of a step.
        cast("nn.Module", self.network).to(memory_format=torch.channels_last)

    def forward(self, batch: PixelBatch) -> PixelOutput:
        """Return the planes of each image, at its own size, and the mean of its deepest map."""
        found: list[Any] = []
        # the encoder's maps: decoders take them in more than one form
        handle = self.network.encoder.register_forward_hook(lambda _encoder, _images, maps: found.append(maps))
        try:
            logits = self.planes(batch.images)
        finally:
            handle.remove()
        deepest = found[0][-1]
        is_map = isinstance(deepest, Tensor) and deepest.ndim == 4  # transformers of one scale give tokens instead
        return PixelOutput(logits, deepest.mean(dim=(2, 3)) if is_map else None)

    def planes(self, images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image plane height width"]:
        """Return the logits of images of any size.

        Raises:
            InputError: If the images have another number of channels than the model.
        """
        if images.shape[1] != self.channel_count:
            raise InputError(
                f"the model was made for {self.channel_count} channels, the images have {images.shape[1]}; "
                "give data.channels as in training."
            )
        height, width = images.shape[-2:]
        missing = (-height % self.stride_px, -width % self.stride_px)
        padded = pad(images, (0, missing[1], 0, missing[0])) if any(missing) else images
        logits = self.network(padded.contiguous(memory_format=torch.channels_last))
        return logits[..., :height, :width]

    def instances(self, output: PixelOutput) -> list[Instances]:
        """Return the instances of each image of an output."""
        return [self.target.read(logits) for logits in output.logits.detach().float().cpu().numpy()]
