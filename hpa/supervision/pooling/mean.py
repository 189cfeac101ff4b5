"""All cells speak alike: the mean of their logits.

Eighth place of the competition trained on it and dropped the pool to look at single cells: what is linear in the cells
can be taken apart. It asks that most cells of an image show its classes.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import CellOutput
from hpa.supervision.pooling.packed import bag_mean


class MeanPool(nn.Module):
    """Mean logit of each class."""

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        return bag_mean(output.logits, bag_of_cell, bag_count)
