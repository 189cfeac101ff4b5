"""Rotates by multiples of 90° and mirrors crops or whole images: cells on a slide have no up or down."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchD4:
    """Applies a random symmetry of the square to each crop, or to each whole image with the coverage of its cells.

    Args:
        symmetries: Names of `hpa.core.dihedral`, of equal probability.

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
        """Return the batch under random symmetries."""
        count = len(batch.crops) if batch.fields is None else len(batch.image_targets)
        chosen = torch.randint(len(self._symmetries), (count,)).to(batch.crops.device)
        return batch.with_views(
            lambda pictures: self._transformed(pictures, chosen),
            lambda places: self._transformed(places, chosen[batch.image_of_cell]),
        )

    def _transformed(
        self, planes: Float[Tensor, "picture *axes side side"], chosen: Int[Tensor, " picture"]
    ) -> Float[Tensor, "picture *axes side side"]:
        transformed = torch.empty_like(planes)
        for number, name in enumerate(self._symmetries):
            rows = chosen == number
            transformed[rows] = apply(planes[rows], name)
        return transformed
