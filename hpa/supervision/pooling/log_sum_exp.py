"""Between mean and maximum: log-sum-exp of the logits (Pinheiro and Collobert, 2015, arXiv:1411.6228)."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.supervision.pooling.packed import bag_log_sum_exp


class LogSumExpPool(nn.Module):
    """log(mean(exp(sharpness x logit))) / sharpness of each class.

    Args:
        sharpness: > 0; towards 0 it is the mean of the logits, towards infinity their maximum. 5 in the paper.

    Raises:
        InputError: If the sharpness is not positive.
    """

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        if not sharpness > 0:
            raise InputError(f"supervision.pooling.sharpness must be positive, not {sharpness}; the paper takes 5.")
        self.sharpness = sharpness

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        total = bag_log_sum_exp(self.sharpness * output.logits, bag_of_cell, bag_count)
        sizes = bag_of_cell.bincount(minlength=bag_count)[:, None]
        return (total - sizes.to(total.dtype).log()) / self.sharpness
