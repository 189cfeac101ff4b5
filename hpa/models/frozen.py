"""A published network that is not trained, and a head that is: `model=frozen`.

Features that were learnt on far more images than a data set has often serve it better than its own (Donahue et al.,
2014, arXiv:1310.1531, DeCAF), and a head on them trains in minutes, because every cell is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput
from hpa.models.feature_cache import FeatureCache


class Extractor(Protocol):
    """Gives features of cells (`model/extractor=`)."""

    feature_count: int

    def __call__(self, crops: Float[Tensor, "cell channel side side"]) -> Float[Tensor, "cell feature"]:
        """Return the features of each cell."""


class FrozenModel(nn.Module):
    """An extractor that stays as it is, and a head on its features.

    Attributes:
        feature_count: Length of the feature vectors that the head gives.
        class_count: Number of classes.

    Args:
        extractor: Makes the extractor, given `weights` and `shown`.
        head: As in `CropModel`.
        channel_count: Channels of a crop; comes from the data set.
        class_count: Number of classes; comes from the data set.
        weights: The extractor's local file; None only where a checkpoint fills the model.
        shown: Names of the channels, in order.
        cached_cells: As in `FeatureCache`.

    Raises:
        InputError: If a part cannot be built as asked.
    """

    filled: Tensor

    def __init__(
        self,
        extractor: Callable[..., Extractor],
        head: Callable[..., nn.Module],
        channel_count: int,
        class_count: int,
        weights: str | None,
        shown: Sequence[str],
        cached_cells: int,
    ) -> None:
        super().__init__()
        if len(shown) != channel_count:
            raise InputError(
                f"model.shown={list(shown)} names {len(shown)} channels, the data set has {channel_count}."
            )
        built = extractor(weights=weights, shown=tuple(shown))
        self.extractor = cast("nn.Module", built).requires_grad_(False).eval()
        self.head = head(feature_count=built.feature_count, class_count=class_count)
        self.register_buffer("filled", torch.tensor(weights is not None))
        self.feature_count = cast("int", self.head.feature_count)
        self.class_count = class_count
        self._channel_count = channel_count
        self._cache = FeatureCache(cached_cells)

    def forward(self, batch: CellBatch) -> CellOutput:
        """Return features and logits of each cell.

        Raises:
            InputError: If the crops have other channels than the model, or the extractor was never given weights.
        """
        if batch.crops.shape[1] != self._channel_count:
            raise InputError(
                f"the model was made for {self._channel_count} channels, the crops have {batch.crops.shape[1]}; "
                "give data.channels as in training."
            )
        if not self.filled:
            raise InputError("model.weights=FILE is missing: a network that is not trained needs published weights.")
        with torch.no_grad():
            pooled = self._cache.features_of(batch.crops, self.extractor)
        features, logits = self.head(pooled)
        return CellOutput(features=features, logits=logits)

    def train(self, mode: bool = True) -> FrozenModel:
        """Put the head in training mode; the extractor stays in evaluation mode."""
        super().train(mode)
        self.extractor.eval()
        return self
