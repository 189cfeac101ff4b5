"""A published network that is not trained, and a head that is: `model=frozen`.

Features that were learnt on far more images than a data set has often serve it better than its own (Donahue et al.,
2014, arXiv:1310.1531, DeCAF), and a head on them trains in minutes, because the features of each crop are computed
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.digest import digest_of_array
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput


class Extractor(Protocol):
    """Computes features of cells (`model/extractor=`)."""

    feature_count: int

    def __call__(self, crops: Float[Tensor, "cell channel side side"]) -> Float[Tensor, "cell feature"]:
        """Return the features of each cell."""


class FrozenModel(nn.Module):
    """An extractor that stays as it is, and a head on its features.

    Attributes:
        feature_count: Length of the head's feature vectors.
        class_count: Number of classes.

    Args:
        extractor: Builds the extractor from `weights` and `channels`.
        head: As in `CropModel`.
        channel_count: Channels of a crop; comes from the data set.
        class_count: Number of classes; comes from the data set.
        weights: The extractor's local file; None only where a checkpoint fills the model.
        channels: Names of the crops' channels, in order.
        cached_cells: As in `FeatureCache`.

    Raises:
        InputError: If a part cannot be built.
    """

    filled: Tensor

    def __init__(
        self,
        extractor: Callable[..., Extractor],
        head: Callable[..., nn.Module],
        channel_count: int,
        class_count: int,
        weights: str | None,
        channels: Sequence[str],
        cached_cells: int,
    ) -> None:
        super().__init__()
        if len(channels) != channel_count:
            raise InputError(
                f"model.channels={list(channels)} names {len(channels)} channels, the data set has {channel_count}."
            )
        built = extractor(weights=weights, channels=tuple(channels))
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
        if batch.crops.requires_grad:  # class maps need the way back, which kept features do not have
            pooled = self.extractor(batch.crops)
        else:
            with torch.no_grad():
                pooled = self._cache.features_of(batch.crops, self.extractor)
        features, logits = self.head(pooled)
        return CellOutput(features=features, logits=logits)

    def train(self, mode: bool = True) -> FrozenModel:
        """Put the head in training mode; the extractor stays in evaluation mode."""
        super().train(mode)
        self.extractor.eval()
        return self


class FeatureCache:
    """Keeps features of the first crops it meets, on the CPU, until it is full.

    The key is a hash of the pixels, and the precision at which the network computes: a crop that augmentation changed
    is another crop, a repeat in full precision finds nothing of half precision, and nothing stale can come back. It
    pays without augmentation (`augment=none`), or with few variants.

    Args:
        max_cells: How many it keeps, >= 0; a thousand of 1,536 features take 6 MB.

    Raises:
        InputError: If the number is negative.
    """

    def __init__(self, max_cells: int) -> None:
        if max_cells < 0:
            raise InputError(f"model.cached_cells must be 0 or more, not {max_cells}.")
        self._max_cells = max_cells
        self._kept: dict[str, Tensor] = {}

    def __len__(self) -> int:
        """Count the crops whose features are kept."""
        return len(self._kept)

    def features_of(
        self, crops: Float[Tensor, "cell channel side side"], extract: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "cell feature"]:
        """Return the features of each crop; only those that are not kept are extracted."""
        if not self._max_cells:
            return extract(crops)
        precision = _precision_on(crops.device)
        keys = [f"{precision} {digest_of_array(crop.numpy())}" for crop in crops.cpu()]
        new = [row for row, key in enumerate(keys) if key not in self._kept]
        found = dict(zip(new, extract(crops[new]), strict=True)) if new else {}
        rows = [found[row] if row in found else self._kept[key] for row, key in enumerate(keys)]
        for row in new[: self._max_cells - len(self._kept)]:
            self._kept[keys[row]] = found[row].detach().cpu().clone()
        return torch.stack([features.to(crops.device) for features in rows])


def _precision_on(device: torch.device) -> torch.dtype:
    """Return the type in which layers compute here: that of autocast, or single precision."""
    is_mixed = torch.is_autocast_enabled(device.type)
    return torch.get_autocast_dtype(device.type) if is_mixed else torch.float32


def channel_indices(input_channels: Sequence[str], channels: Sequence[str]) -> list[int]:
    """Return where each channel that a network was trained on lies among those of the crops.

    Raises:
        InputError: If one is not among them.
    """
    missing = [name for name in input_channels if name not in channels]
    if missing:
        raise InputError(
            f"model.extractor takes {', '.join(input_channels)}, data.channels={list(channels)} lacks "
            f"{', '.join(missing)}; add these channels, or give weights of fewer channels and name them with "
            "model.extractor.input_channels=[…]."
        )
    return [list(channels).index(name) for name in input_channels]
