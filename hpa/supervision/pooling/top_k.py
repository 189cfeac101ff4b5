"""The few surest cells speak for the image (Durand, Thome and Cord, 2016, WELDON: top instances): steadier than one."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.supervision.pooling.packed import bag_sum


class TopKPool(nn.Module):
    """Mean of the k highest logits of each class; of all where a bag holds fewer.

    Args:
        k: Cells that speak, >= 1; with 1 it is the maximum.

    Raises:
        InputError: If k is less than 1.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        if k < 1:
            raise InputError(f"supervision.pooling.k must be 1 or more, not {k}.")
        self.k = k

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        sizes = bag_of_cell.bincount(minlength=bag_count)
        chosen = _rank_in_bag(output.logits.detach(), bag_of_cell, sizes) < self.k
        return bag_sum(output.logits * chosen, bag_of_cell, bag_count) / sizes.clamp(max=self.k)[:, None]


def _rank_in_bag(
    logits: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], sizes: Int[Tensor, " bag"]
) -> Int[Tensor, "cell class"]:
    """Return how many cells of its bag stand before each cell, class by class."""
    by_logit = logits.argsort(dim=0, descending=True)
    by_bag = bag_of_cell[by_logit].argsort(dim=0, stable=True)  # bags one after another, falling logits in each
    place = by_logit.gather(0, by_bag).argsort(dim=0)
    return place - (sizes.cumsum(0) - sizes)[bag_of_cell][:, None]
