"""The surest cell speaks for the image: an image shows a class if one of its cells does.

The standard assumption of multiple-instance learning (Dietterich, Lathrop and Lozano-Perez, 1997). Second place of the
competition pooled 16 cells an image so. Only one cell of a bag is taught in a step, so it starts slowly.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import CellOutput
from hpa.supervision.pooling.packed import bag_max


class MaxPool(nn.Module):
    """Highest logit of each class."""

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        return bag_max(output.logits, bag_of_cell, bag_count)
