"""Less confidence in every location of a cell that seems to show none.

`p x (1 - p_negative)` for the other classes: .003 for the sixth place of the HPA single-cell competition (scumed and
Mitotic Spindle, 2021).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hpa.inference.rules.negative import require_class
from hpa.interfaces import SegmentedField


class NotNegativeRule:
    """Multiplies the other classes by what is left of certainty beside the negative one.

    Args:
        negative_class: Number of the class.
    """

    def __init__(self, negative_class: int) -> None:
        self._negative_class = negative_class

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the confidences with those of all other classes changed.

        Raises:
            InputError: If there is no such class.
        """
        del field  # confidences alone decide
        require_class(probabilities.shape[1], self._negative_class)
        negative = probabilities[:, [self._negative_class]]
        changed = probabilities * (1 - negative)
        changed[:, self._negative_class] = negative[:, 0]
        return changed
