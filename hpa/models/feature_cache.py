"""Remembers what a network that never changes said of a crop, so that it is asked once for every crop, not every epoch.

A crop is known by its pixels, not by its name: augmentation that changes it makes another crop, and nothing stale can
come back. It pays without augmentation (`augment=none`), or with few variants.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.digest import digest_of_array
from hpa.core.errors import InputError


class FeatureCache:
    """Keeps features of the first crops it meets, on the CPU, until it is full.

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
        names = [digest_of_array(crop.numpy()) for crop in crops.cpu()]
        new = [row for row, name in enumerate(names) if name not in self._kept]
        found = dict(zip(new, extract(crops[new]), strict=True)) if new else {}
        rows = [found[row] if row in found else self._kept[name] for row, name in enumerate(names)]
        for row in new[: self._max_cells - len(self._kept)]:
            self._kept[names[row]] = found[row].detach().cpu().clone()
        return torch.stack([features.to(crops.device) for features in rows])
