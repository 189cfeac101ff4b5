"""What is shown is taught as it is: each cell its own true classes, each pixel what it belongs to.

For cells this is the upper bound of weak supervision: what a model reaches when every cell of the Human Protein Atlas
is annotated, which the competition's training set is not (Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, PixelBatch, PixelLoss, Unit


class DirectSupervision(nn.Module):
    """Loss between logits and the truth, of cells or of pixels; cells of unknown classes (NaN) are left out.

    Args:
        loss: Compares logits with targets: a `Loss` for cells, a `PixelLoss` for pixels.
    """

    unit: Unit = "cell"

    def __init__(self, loss: Loss | PixelLoss) -> None:
        super().__init__()
        self.loss = loss

    def terms(self, model: nn.Module, batch: CellBatch | PixelBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`, or `pixels` for a batch of images.

        Raises:
            InputError: If the data set tells no cell classes at all.
        """
        del progress  # the start and the end of training are taught alike
        if isinstance(batch, PixelBatch):
            return {"pixels": self.loss(model(batch).logits, batch.targets)}
        return {"cells": self._of_cells(model, batch)}

    def _of_cells(self, model: nn.Module, batch: CellBatch) -> Float[Tensor, ""]:
        """Return the loss of the known cells; 0, with a graph, where no cell of the batch is known."""
        if batch.cell_targets is None:
            raise InputError(
                "supervision=direct needs the classes of each cell: give data.cell_truth=FILE (columns of truth.csv), "
                "or choose supervision=propagation, which trains on image labels."
            )
        logits = model(batch).logits
        known = ~batch.cell_targets.isnan().any(dim=1)
        if not known.any():
            return logits[known].sum()
        return self.loss(logits[known], batch.cell_targets[known])
