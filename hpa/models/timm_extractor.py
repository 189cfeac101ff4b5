"""Any network of timm as an extractor: DINO on cells of the Human Protein Atlas, DINOv2 on photographs, others.

Self-distillation without labels (DINO: Caron et al., 2021, arXiv:2104.14294) on cells of the Atlas: Doron et al., 2023
(DINO4Cells, bioRxiv 2023.06.16.545359), which also brings each channel of each cell to mean 0 and deviation 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.models.backbone import TimmBackbone
from hpa.models.frozen import channel_indices

_MIN_DEVIATION = 1e-6
"""A channel whose deviation is below it is empty, and stays so."""


class TimmExtractor(nn.Module):
    """Pooled features of a network of timm, each channel of each cell standardised before it.

    Attributes:
        feature_count: Length of a feature vector.

    Args:
        weights: A local file, as in `TimmBackbone`: DINO's own checkpoints too, of which the teacher is taken.
        channels: Channels of the crops, in order.
        backbone: Name of a timm network.
        input_channels: Channels that the weights were trained on, in their order; None: the crops' own, the first
            convolution adapted to their number by the rule of `hpa.models.weights`.
        side_px: As in `TimmBackbone`.

    Raises:
        InputError: If the network cannot be built or filled, or the crops lack a channel.
    """

    def __init__(
        self,
        weights: str | None,
        channels: Sequence[str],
        backbone: str,
        input_channels: Sequence[str] | None,
        side_px: int | None,
    ) -> None:
        super().__init__()
        self._indices = channel_indices(channels if input_channels is None else input_channels, channels)
        self.backbone = TimmBackbone(backbone, len(self._indices), weights, False, 0.0, side_px)
        self.feature_count = self.backbone.feature_count

    def forward(self, crops: Float[Tensor, "cell channel side side"]) -> Float[Tensor, "cell feature"]:
        """Return the features of each cell."""
        read = crops[:, self._indices]
        deviation, mean = torch.std_mean(read, dim=(2, 3), correction=0, keepdim=True)
        return self.backbone((read - mean) / deviation.clamp(min=_MIN_DEVIATION))
