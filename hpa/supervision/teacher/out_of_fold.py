"""The teachers are earlier runs, each heard only on images that it did not train on.

A network believes the labels it was trained on: on its own training images it repeats the noise that a student is to
be spared (Lee, 2013, "Pseudo-Label"; out of fold as the third team of the 2021 competition did). Which run may speak
of which image is made sure of before any of this is called: `hpa.stages.teachers`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Selection, Unit


class OutOfFoldTeacher(nn.Module):
    """Believes what runs said of their held-out cells.

    Args:
        selection: Says which cells are believed, given the runs' probabilities.
        runs: Folders of finished runs or of whole chains.

    Raises:
        InputError: If no run is named.
    """

    unit: Unit = "cell"
    table: Tensor
    """Beliefs in each cell of the data set, by `cell_id`; not saved: the runs are read again when training resumes."""

    def __init__(self, selection: Selection, runs: Sequence[str]) -> None:
        super().__init__()
        if isinstance(runs, str) or not runs:
            raise InputError(f"supervision.teacher.runs must list run folders, e.g. [runs/first], not {runs!r}.")
        self.selection = selection
        self.runs = tuple(runs)
        self.register_buffer("table", torch.empty(0, 0), persistent=False)

    def learn(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> None:
        """Take what the runs said of every cell of the data set; where it is nothing (NaN) the label is believed."""
        known = ~probabilities.isnan().any(dim=1)
        self.table = copied.clone()
        self.table[known] = self.selection(probabilities[known], copied[known], image_of_cell[known])

    def beliefs(self, model: nn.Module, batch: CellBatch, progress: float) -> Float[Tensor, "cell class"]:
        """Return how far each label is believed of each cell."""
        del model, progress
        return self.table[batch.cell_id]
