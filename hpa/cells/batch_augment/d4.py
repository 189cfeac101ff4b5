"""Turns and mirrors what a network is shown, a whole batch at once: cells on a slide have no up or down."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchD4:
    """Shows each crop, or each whole image with the places of its cells, under a symmetry, each as likely.

    Args:
        symmetries: Names of `hpa.core.dihedral`.

    Raises:
        InputError: If there is none, or a name is unknown.
    """

    def __init__(self, symmetries: Sequence[str]) -> None:
        if not symmetries or not set(symmetries) <= SYMMETRIES.keys():
            raise InputError(
                f"batch_augment: symmetries must be some of {', '.join(SYMMETRIES)}; came {list(symmetries)}."
            )
        self._symmetries = tuple(symmetries)

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch turned."""
        count = len(batch.crops) if batch.fields is None else len(batch.image_targets)
        drawn = torch.randint(len(self._symmetries), (count,)).to(batch.crops.device)
        return batch.with_views(
            lambda pictures: self._turned(pictures, drawn),
            lambda places: self._turned(places, drawn[batch.image_of_cell]),
        )

    def _turned(
        self, planes: Float[Tensor, "picture *axes side side"], drawn: Int[Tensor, " picture"]
    ) -> Float[Tensor, "picture *axes side side"]:
        turned = torch.empty_like(planes)
        for number, name in enumerate(self._symmetries):
            rows = drawn == number
            turned[rows] = apply(planes[rows], name)
        return turned
