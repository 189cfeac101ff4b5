"""The class without any signal, from what the other classes say.

Negative images are rare (34 of 21,806 in the HPA single-cell competition; Le et al., Nature Methods 19:1221, 2022), so
that a network hardly learns the class though one cell in ten is negative. A cell is negative when no location is shown:
`1 - max p`, which is the same number as `min(1 - p)`. The 12th place did so (Tratz, 2021), the 23rd gained .006 with it
over the network's output (Samus, 2021).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hpa.core.errors import InputError
from hpa.interfaces import SegmentedField


class NegativeRule:
    """Sets the negative class to `1 - max` of all others; without this rule the network's own output stands.

    Args:
        negative_class: Number of the class.
    """

    def __init__(self, negative_class: int) -> None:
        self._negative_class = negative_class

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the confidences with that of the negative class changed.

        Raises:
            InputError: If there is no such class.
        """
        del field  # confidences alone decide
        require_class(probabilities.shape[1], self._negative_class)
        changed = probabilities.copy()
        changed[:, self._negative_class] = 1 - np.delete(probabilities, self._negative_class, axis=1).max(axis=1)
        return changed


def require_class(class_count: int, negative_class: int) -> None:
    """Refuse a negative class that does not exist, or that is the only one.

    Raises:
        InputError: Naming the number.
    """
    if not 0 <= negative_class < class_count or class_count < 2:
        raise InputError(
            f"the negative class is {negative_class}, but there are {class_count} classes; set negative_class of the "
            "rule, or leave it out."
        )
