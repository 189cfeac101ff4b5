"""Each cell is taught its own true classes: for sets where they are known, of all cells or of some.

The upper bound of weak supervision: what a model reaches when every cell of the Human Protein Atlas is annotated, which
the competition's training set is not (Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Unit


class DirectSupervision(nn.Module):
    """Loss between cell logits and true cell classes; cells whose classes are not known (NaN) are left out."""

    unit: Unit = "cell"

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`; 0, with a graph, where no cell of the batch is known.

        Raises:
            InputError: If the data set tells no cell classes at all.
        """
        del progress  # the start and the end of training are taught alike
        if batch.cell_targets is None:
            raise InputError(
                "supervision=direct needs the classes of each cell: give data.cell_truth=FILE (columns of truth.csv), "
                "or choose supervision=propagation, which trains on image labels."
            )
        logits = model(batch).logits
        known = ~batch.cell_targets.isnan().any(dim=1)
        if not known.any():
            return {"cells": logits[known].sum()}
        return {"cells": self.loss(logits[known], batch.cell_targets[known])}
