"""Cells are believed where the teacher is sure, else not at all (FixMatch: Sohn et al., 2020, arXiv:2001.07685)."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import Unit


class ThresholdSelection:
    """1 from a probability on, 0 below it.

    Args:
        threshold: That probability, in (0, 1).

    Raises:
        InputError: If it is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold < 1:
            raise InputError(f"supervision.selection.threshold must lie between 0 and 1, not {threshold}.")
        self.threshold = threshold

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return beliefs, 0 or 1; neither labels nor neighbours matter."""
        del copied, image_of_cell
        return (probabilities >= self.threshold).to(probabilities.dtype)
