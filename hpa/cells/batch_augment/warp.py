"""Scales, rotates and shifts crops by small amounts, a whole batch at once.

Each crop is resampled once, by bilinear interpolation; what comes from beyond its edge is black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from hpa.cells.batch_augment.steps import require_crops
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchWarp:
    """Changes some of the crops: width and height by a factor each, then the angle, then the position.

    Args:
        scale: Minimum and maximum factor, > 0.
        rotate_degrees: Bound on the angle, either way, >= 0.
        shift_share: Bound on the shift along each side, as a share of it, >= 0.
        probability: Share of the crops that are changed, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, scale: Sequence[float], rotate_degrees: float, shift_share: float, probability: float) -> None:
        if not (len(scale) == 2 and 0 < scale[0] <= scale[1] and min(rotate_degrees, shift_share) >= 0):
            raise InputError(
                "batch_augment: scale is a minimum and a maximum factor above 0, rotate_degrees and shift_share are 0 "
                f"or more; came {list(scale)}, {rotate_degrees} and {shift_share}."
            )
        if not 0 <= probability <= 1:
            raise InputError(f"batch_augment: probability must lie in [0, 1], not {probability}.")
        self._scale = (float(scale[0]), float(scale[1]))
        self._radians = math.radians(rotate_degrees)
        self._shift_share = shift_share
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch with some crops warped.

        Raises:
            InputError: If the batch holds whole images.
        """
        require_crops(batch, "warp")
        chosen = (torch.rand(len(batch)) < self._probability).nonzero()[:, 0]
        if not len(chosen):
            return batch
        maps = self._maps(len(chosen)).to(batch.crops)
        chosen = chosen.to(batch.crops.device)
        grid = affine_grid(maps, [len(chosen), *batch.crops.shape[1:]], align_corners=False)
        crops = batch.crops.clone()
        crops[chosen] = grid_sample(batch.crops[chosen], grid, padding_mode="zeros", align_corners=False)
        return replace(batch, crops=crops)

    def _maps(self, count: int) -> Float[Tensor, "crop 2 3"]:
        """Return the map from positions in a changed crop to the original, coordinates -1 to 1 along (x, y)."""
        low, high = self._scale
        factors = low + (high - low) * torch.rand(count, 2)
        angle = self._radians * (2 * torch.rand(count) - 1)
        shift = 2 * self._shift_share * (2 * torch.rand(count, 2) - 1)  # a side is 2 long
        cos, sin = angle.cos(), angle.sin()
        # the inverse: minus the shift, the angle undone, divided by the factors
        rows = torch.stack([torch.stack([cos, sin], dim=1), torch.stack([-sin, cos], dim=1)], dim=1)
        linear = rows / factors[:, :, None]
        return torch.cat([linear, -(linear @ shift[:, :, None])], dim=2)
