"""The crop view of a cell: each cell masked, cropped and resized, one forward of the backbone a cell."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput
from hpa.models.backbone import TimmBackbone


class CropModel(nn.Module):
    """A timm backbone and a head on crops of cells.

    Attributes:
        feature_count: Length of the head's feature vectors.
        class_count: Number of classes.
        gives_maps: Whether outputs hold the head's logits at each position of the last map (class activation maps:
            Zhou et al., 2016, arXiv:1512.04150); off at first.

    Args:
        backbone: Name of a timm network.
        head: Builds the head from `feature_count` and `class_count`; it returns (features, logits) and has the
            length of its features as `feature_count`.
        channel_count: Channels of a crop; comes from the data set.
        class_count: Number of classes; comes from the data set.
        weights: As in `TimmBackbone`, like `pretrained`, `drop_path_rate` and `side_px`.
        intensity_mean: Subtracted from intensities in [0, 1], in every channel.
        intensity_std: What the difference is divided by, > 0.

    Raises:
        InputError: If the backbone cannot be built.
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
        side_px: int | None,
        intensity_mean: float,
        intensity_std: float,
    ) -> None:
        super().__init__()
        if not intensity_std > 0:
            raise InputError(f"model.intensity_std must be positive, not {intensity_std}.")
        self.channel_count = channel_count
        self.intensity_mean = intensity_mean
        self.intensity_std = intensity_std
        self.backbone = TimmBackbone(backbone, channel_count, weights, pretrained, drop_path_rate, side_px)
        self.head = head(feature_count=self.backbone.feature_count, class_count=class_count)
        self.feature_count = self.head.feature_count
        self.class_count = class_count
        self.gives_maps = False

    def forward(self, batch: CellBatch) -> CellOutput:
        """Return features and logits of each cell.

        Raises:
            InputError: If the crops have other channels than the model, or maps are wanted and the backbone has none.
        """
        if batch.crops.shape[1] != self.channel_count:
            raise InputError(
                f"the model was made for {self.channel_count} channels, the crops have {batch.crops.shape[1]}; "
                "give data.channels as in training."
            )
        crops = (batch.crops - self.intensity_mean) / self.intensity_std
        if self.gives_maps:
            return self._with_maps(crops)
        features, logits = self.head(self.backbone(crops))
        return CellOutput(features=features, logits=logits)

    def _with_maps(self, crops: Float[Tensor, "cell channel side side"]) -> CellOutput:
        pooled, positions = self.backbone.with_positions(crops)
        features, logits = self.head(pooled)
        maps = self.head(positions.flatten(0, 2))[1].unflatten(0, positions.shape[:3]).movedim(3, 1)
        return CellOutput(features=features, logits=logits, maps=maps)
