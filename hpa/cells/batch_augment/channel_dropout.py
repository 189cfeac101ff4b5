"""Blackens a landmark channel of some images, so that a network does not depend on a stain that may fail.

Whole-channel dropout as in Tompson et al. (2015, arXiv:1411.4280), on the input instead of on feature maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchChannelDropout:
    """Blackens one of the droppable channels in all cells of an image: a stain fails on a whole slide.

    Args:
        channels: Channels of the pictures, in order.
        droppable: Those that may be blackened, with equal probability; the protein's should not be among them.
        probability: Share of the images that lose one, in [0, 1].

    Raises:
        InputError: If the probability is out of its range, or a run would lose its only channel.
    """

    def __init__(self, channels: Sequence[str], droppable: Sequence[str], probability: float) -> None:
        self._rows = [row for row, name in enumerate(channels) if name in droppable]
        self._probability = probability
        if not 0 <= probability <= 1 or len(self._rows) == len(channels):
            raise InputError(
                "batch_augment: probability must lie in [0, 1], and a channel must stay that is not droppable; came "
                f"probability={probability}, channels={list(channels)}, droppable={list(droppable)}."
            )

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch, some of its images with a black channel."""
        images = len(batch.image_targets)
        loses = torch.rand(images) < self._probability
        if not self._rows or not loses.any():
            return batch
        lost = torch.tensor(self._rows)[torch.randint(len(self._rows), (images,))]
        kept = torch.ones(images, batch.crops.shape[1])
        kept[loses, lost[loses]] = 0
        kept = kept.to(batch.crops)
        if batch.fields is None:
            kept = kept[batch.image_of_cell]

        def without(pictures: Tensor) -> Tensor:
            return pictures * kept[:, :, None, None]

        return batch.with_views(without, lambda places: places)
