"""Full supervision of cells: the true classes of each cell.

The upper bound of weak supervision: what a model reaches if every cell is annotated, which the competition's training
set is not (Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, StepResult, Supervision


class DirectSupervision(nn.Module, Supervision):
    """Loss between cell logits and the cells' true classes; cells of unknown classes (NaN) are left out.

    Args:
        loss: Compares logits with targets.
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`: 0, with a graph, where no cell of the batch is known.

        Raises:
            InputError: If the data set has no cell classes at all.
        """
        del progress
        if batch.cell_targets is None:
            raise InputError(
                "supervision=direct needs the classes of each cell: give data.cell_truth=FILE (columns of truth.csv), "
                "or choose supervision=propagation, which trains on image labels."
            )
        output = model(batch)
        return StepResult({"cells": self._loss_of_known(output.logits, batch.cell_targets)}, output)

    def _loss_of_known(
        self, logits: Float[Tensor, "cell class"], targets: Float[Tensor, "cell class"]
    ) -> Float[Tensor, ""]:
        known = ~targets.isnan().any(dim=1)
        return self.loss(logits[known], targets[known]) if known.any() else logits[known].sum()
