"""Of all cells that a class is told of, those are believed of which the teacher is surest, wherever they lie.

Unlike ranks within an image, the level is common to all images: one whose label is wrong keeps no cell, and each class
has a level of its own, so rare ones are not judged by the sureness of frequent ones (Zou, Yu, Kumar and Wang, 2018,
arXiv:1810.07911, class-balanced self-training).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import Unit


class QuantileSelection:
    """1 from a quantile on, of the probabilities of the cells that a class is told of; 0 below it.

    Args:
        level: The quantile, in [0, 1): 0.3 believes 70 % of the cells.

    Raises:
        InputError: If it is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, level: float) -> None:
        if not 0 <= level < 1:
            raise InputError(f"supervision.selection.level must lie in [0, 1), not {level}; 0 believes all cells.")
        self.level = level

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return beliefs, 0 or 1; cells that a class is not told of are left at 0, their label says so already."""
        del image_of_cell
        beliefs = torch.zeros_like(probabilities)
        for column in range(probabilities.shape[1]):
            told = (copied[:, column] > 0).nonzero()[:, 0]
            if not len(told):
                continue
            values, order = probabilities[told, column].sort()
            # By order, not by torch.quantile, which takes 16 million values at most.
            least = values[int(self.level * len(values))]
            beliefs[told[order], column] = (values >= least).to(probabilities.dtype)
        return beliefs
