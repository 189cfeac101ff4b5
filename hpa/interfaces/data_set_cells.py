"""What strategies may know of all cells of a data set, beside the batch at hand."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class HeldOutPredictions:
    """What earlier runs predicted of cells that they had not trained on, one row a cell of the data set.

    Attributes:
        probabilities: Mean over the runs; NaN rows where none predicted the cell.
        image_labels: The labels of each cell's image.
        image_of_cell: The row of its image in the image table.
    """

    probabilities: Float[Tensor, "cell class"]
    image_labels: Float[Tensor, "cell class"]
    image_of_cell: Int[Tensor, " cell"]


@dataclass(frozen=True)
class TrainingCells:
    """All cells of a data set and the labels of its images; a batch holds some of them (`CellBatch.cell_id`).

    Attributes:
        image_of_cell: The row of each cell's image in `image_targets`.
        image_targets: Labels of all images, of those without cells too.
    """

    image_of_cell: Int[Tensor, " cell"]
    image_targets: Float[Tensor, "image class"]
