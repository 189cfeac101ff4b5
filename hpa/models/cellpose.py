"""Cellpose 4 as a dense network of ours: users' weights are fine-tuned in the one trainer, and exported again.

What the package's own training lacks comes with the trainer: resuming, the best epoch by a validation score, tracking.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import Instances, PixelBatch, PixelOutput, PixelTarget
from hpa.models.cellpose_network import MAX_CHANNELS, TILE_PX, CellposeNetwork


class CellposeModel(nn.Module):
    """The network of Cellpose 4, on tiles of 256 px in training and on images of any size in evaluation.

    Attributes:
        target: Encodes instances as planes, and decodes them from the network's output.

    Args:
        target: See above; three planes (flows).
        weights: A file of cellpose 4, or None to start anew.
        drop_path_rate: Stochastic depth in training, as in `CellposeNetwork`; 0.4 in the package.
        tiles_at_once: Tiles that go through the network together where an image is larger than one.
        channel_count: Channels of an image, at most three; comes from the data set.
        class_count: Number of classes; dense networks find instances of one class.

    Raises:
        InputError: If the package is missing, or weights, channels or classes do not fit.
    """

    def __init__(
        self,
        target: PixelTarget,
        weights: str | None,
        drop_path_rate: float,
        tiles_at_once: int,
        channel_count: int,
        class_count: int,
    ) -> None:
        super().__init__()
        if class_count != 1:
            raise InputError(f"model=cellpose finds instances of one class, the data set has {class_count}.")
        if channel_count > MAX_CHANNELS:
            raise InputError(
                f"model=cellpose takes at most {MAX_CHANNELS} channels, the data set gives {channel_count}; "
                "choose some with data.channels=[…]."
            )
        if target.plane_count != 3:
            raise InputError("model=cellpose predicts flows and a mask; write model/target=flows.")
        self.target = target
        self.channel_count = channel_count
        self.tiles_at_once = tiles_at_once
        self.network = CellposeNetwork(weights, "model", drop_path_rate)

    def forward(self, batch: PixelBatch) -> PixelOutput:
        """Return the planes of each image, at its own size.

        Raises:
            InputError: If the images have another number of channels than the model, or are no tiles in training.
        """
        return PixelOutput(self.planes(batch.images))

    def planes(self, images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image 3 height width"]:
        """Return flows (times 5) and the logit of inside.

        Raises:
            InputError: As `forward`.
        """
        if images.shape[1] != self.channel_count:
            raise InputError(
                f"the model was made for {self.channel_count} channels, the images have {images.shape[1]}; "
                "give data.channels as in training."
            )
        if images.shape[-2:] == (TILE_PX, TILE_PX):
            return self.network(images)
        if self.training:
            raise InputError(
                f"model=cellpose is trained on tiles of {TILE_PX} px, came {images.shape[2]} x {images.shape[3]} px; "
                f"write tiles.side_px={TILE_PX}."
            )
        whole = self.network.planes_of(images.float().permute(0, 2, 3, 1).cpu().numpy(), self.tiles_at_once)
        return torch.from_numpy(whole).to(images.device)

    def instances(self, output: PixelOutput) -> list[Instances]:
        """Return the instances of each image of an output."""
        return [self.target.read(logits) for logits in output.logits.detach().float().cpu().numpy()]
