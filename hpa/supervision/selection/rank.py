"""Of each image the cells that the teacher ranks highest in a class are believed to show it.

Ranks need no calibration: a teacher that is unsure of a whole image still says which of its cells show the label best.
The fifth team of the 2021 competition kept labels of cells by rank in three rounds of growing trust.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import Unit


class RankSelection:
    """1 for the highest share of an image's cells in each class, at least one; 0 for the others.

    Args:
        share: That share, in (0, 1].

    Raises:
        InputError: If it is out of its range.
    """

    unit: Unit = "image"

    def __init__(self, share: float) -> None:
        if not 0 < share <= 1:
            raise InputError(f"supervision.selection.share must lie above 0 and at most at 1, not {share}.")
        self.share = share

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return beliefs, 0 or 1; labels do not matter. Of equal cells the earlier ones are taken."""
        del copied
        _, bag_of_cell, sizes = torch.unique(image_of_cell, return_inverse=True, return_counts=True)
        taken = (sizes * self.share).ceil().clamp(min=1)  # (image,)
        starts = sizes.cumsum(0) - sizes
        beliefs = torch.empty_like(probabilities)
        for column, values in enumerate(probabilities.T):
            order = values.argsort(descending=True, stable=True)
            order = order[bag_of_cell[order].argsort(stable=True)]  # image by image, highest first
            place = torch.arange(len(order), device=order.device) - starts.repeat_interleave(sizes)
            believed = place < taken.repeat_interleave(sizes)
            beliefs[order, column] = believed.to(probabilities.dtype)
        return beliefs
