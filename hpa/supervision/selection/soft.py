"""Each cell is believed as far as the teacher is sure of it.

Soft targets tell the student how sure the teacher was (Hinton, Vinyals and Dean, 2015, arXiv:1503.02531); the third and
the seventh team of the 2021 competition trained their networks of cells on such.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import Unit


class SoftSelection:
    """The teacher's probability, sharpened or flattened.

    Args:
        temperature: Divides the teacher's logits, > 0; below 1 sharpens.

    Raises:
        InputError: If it is not positive.
    """

    unit: Unit = "cell"

    def __init__(self, temperature: float) -> None:
        if not temperature > 0:
            raise InputError(
                f"supervision.selection.temperature must be above 0, not {temperature}; 1 changes nothing."
            )
        self.temperature = temperature

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return beliefs in [0, 1]; neither labels nor neighbours matter."""
        del copied, image_of_cell
        # The bound keeps a probability of exactly 0 or 1 (rounded in single precision) finite.
        return (probabilities.logit(eps=1e-6) / self.temperature).sigmoid()
