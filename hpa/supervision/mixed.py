"""Several strategies at once, weighted: true cell classes where they are known, labels of images for all the rest.

A few annotated cells say what a class looks like, many labelled images how varied it is (Papandreou, Chen, Murphy and
Yuille, 2015, arXiv:1502.02734, weak and strong labels together). Any strategies compose; they share one look at the
cells, so a second one that only pools or compares costs next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Supervision, Unit
from hpa.supervision.one_look import OneLook


class MixedSupervision(nn.Module):
    """Terms of named strategies, each times its weight, named `<part>_<term>`.

    Args:
        loss: Handed to each part.
        parts: Makes the strategies, by name.
        weights: Their weights by the same names, finite and 0 or more.

    Raises:
        InputError: If names differ or a weight is out of its range.
    """

    def __init__(
        self, loss: Loss, parts: Mapping[str, Callable[..., Supervision]], weights: Mapping[str, float]
    ) -> None:
        super().__init__()
        if parts.keys() != weights.keys() or not parts:
            raise InputError(
                f"supervision.parts names {', '.join(parts)}, supervision.weights {', '.join(weights)}; "
                "give one weight to each part."
            )
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights.values()):
            raise InputError(f"supervision.weights must be finite and 0 or more, not {dict(weights)}.")
        self.parts = nn.ModuleDict({name: cast("nn.Module", make(loss=loss)) for name, make in parts.items()})
        self.weights = dict(weights)

    @property
    def unit(self) -> Unit:
        """Whole images where a part needs them, else cells."""
        return "image" if any(part.unit == "image" for part in self._strategies().values()) else "cell"

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms of all parts."""
        look = OneLook(model)
        return {
            f"{name}_{term}": self.weights[name] * value
            for name, part in self._strategies().items()
            for term, value in part.terms(look, batch, progress).items()
        }

    def _strategies(self) -> dict[str, Supervision]:
        return cast("dict[str, Supervision]", dict(self.parts.items()))
