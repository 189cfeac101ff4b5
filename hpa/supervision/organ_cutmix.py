"""CutMix within an organ: rectangles of tissue are exchanged between images of one organ.

CutMix (Yun, Han, Oh, Chun, Choe and Yoo, 2019, arXiv:1905.04899) as the third team of "Hacking the Human Body" (2022)
trained: functional tissue units are seen in new surroundings, and no glomerulus is pasted into a lung. Image and mask
are exchanged alike, so labels are not mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, StepResult, Supervision, Unit


class OrganCutMixSupervision(nn.Module, Supervision):
    """The terms of another strategy on tiles that hold rectangles of each other, within an organ.

    Tiles without a partner in the batch, without a known organ or without a mask stay as they are. Only the targets of
    dense networks are exchanged, not the label maps that detectors read.

    Args:
        main: The strategy that trains the masks.
        max_share: Largest share of a tile's area that is exchanged, in (0, 1); drawn uniformly from 0 on.
        probability: How often a tile is changed, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    unit: Unit = "image"

    def __init__(self, main: Supervision, max_share: float, probability: float) -> None:
        super().__init__()
        if not (0 < max_share < 1 and 0 <= probability <= 1):
            raise InputError(
                "supervision: max_share must lie between 0 and 1, probability in [0, 1]; came "
                f"{max_share} and {probability}."
            )
        self.main = cast("nn.Module", main)
        self.max_share = max_share
        self.probability = probability

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Those of the main strategy."""
        return cast("Supervision", self.main).teacher_runs

    def step(self, model: nn.Module, batch: PixelBatch, progress: float) -> StepResult:
        """Return the step of the main strategy on the changed tiles; an image alone in its batch stays as it is.

        Raises:
            InputError: If the data set has no organs.
        """
        if batch.organs is None:
            raise InputError(
                "supervision=organ_cutmix needs the organ of each image, and this data set has none; choose "
                "data=hubmap or supervision=dense."
            )
        return cast("Supervision", self.main).step(model, self._mixed(batch, batch.organs), progress)

    def _mixed(self, batch: PixelBatch, organs: Sequence[str]) -> PixelBatch:
        """Return the batch with rectangles exchanged."""
        known = torch.ones(len(batch), dtype=torch.bool) if batch.has_truth is None else batch.has_truth.cpu()
        partners = partners_of(organs, known)
        cut = self._rectangles(len(batch), batch.images.shape[-2], batch.images.shape[-1])
        cut, partners = cut[:, None].to(batch.images.device), partners.to(batch.images.device)

        def exchanged(planes: Float[Tensor, "image plane height width"]) -> Float[Tensor, "image plane height width"]:
            return torch.where(cut, planes[partners], planes)

        soft = None if batch.soft_targets is None else exchanged(batch.soft_targets[:, None])[:, 0]
        return replace(batch, images=exchanged(batch.images), targets=exchanged(batch.targets), soft_targets=soft)

    def _rectangles(self, images: int, height: int, width: int) -> Bool[Tensor, "image height width"]:
        """Draw rectangles of the tile's shape somewhere inside it; empty ones for tiles that stay."""
        side = (self.max_share * torch.rand(images)).sqrt() * (torch.rand(images) < self.probability)
        start = (1 - side) * torch.rand(2, images)
        rows, columns = ((torch.arange(length) + 0.5) / length for length in (height, width))
        down = (rows >= start[0][:, None]) & (rows < (start[0] + side)[:, None])
        across = (columns >= start[1][:, None]) & (columns < (start[1] + side)[:, None])
        return down[:, :, None] & across[:, None, :]


def partners_of(organs: Sequence[str], known: Bool[Tensor, " image"]) -> Int[Tensor, " image"]:
    """Draw for each image another one of its organ; itself where there is none, or its organ or mask is unknown."""
    partners = torch.arange(len(organs))
    for organ in sorted(set(organs) - {""}):
        members = torch.tensor(
            [row for row, name in enumerate(organs) if name == organ and known[row]], dtype=torch.int64
        )
        order = members[torch.randperm(len(members))]
        partners[order] = order.roll(1)  # a ring: no image is its own partner where there are two or more
    return partners
