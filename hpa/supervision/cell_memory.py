"""The last prediction of every cell, so that an image is judged by all its cells, whichever of them a batch holds.

Batches that mix cells of many images train faster than whole images (experiments/README.md), and the statistics of an
image need not be computed anew at once when one of its cells changes (Neal and Hinton, 1998, "A view of the EM
algorithm that justifies incremental, sparse, and other variants").
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import CellBatch, TrainingCells
from hpa.ranks import gathered_tensors


class CellMemory(nn.Module):
    """Remembers the logits of the cells that were trained on; they are saved and resumed with the rest.

    Args:
        cells: All cells of the data set.
    """

    logits: Tensor
    seen: Tensor
    """Which cells have a prediction: those of images that are held out never get one."""
    image_of_cell: Tensor
    image_targets: Tensor
    order: Tensor
    first: Tensor
    counts: Tensor

    def __init__(self, cells: TrainingCells) -> None:
        super().__init__()
        images = cells.image_of_cell
        counts = images.bincount(minlength=len(cells.image_targets))
        self.register_buffer("logits", torch.zeros(len(images), cells.image_targets.shape[1]))
        self.register_buffer("seen", torch.zeros(len(images), dtype=torch.bool))
        self.register_buffer("image_of_cell", images, persistent=False)
        self.register_buffer("image_targets", cells.image_targets, persistent=False)
        self.register_buffer("order", images.argsort(stable=True), persistent=False)  # image by image
        self.register_buffer("first", counts.cumsum(0) - counts, persistent=False)
        self.register_buffer("counts", counts, persistent=False)

    def remember(self, batch: CellBatch, logits: Float[Tensor, "cell class"]) -> int:
        """Keep the logits of the cells of a batch in place of earlier ones, and return how many came.

        Processes that train a run together remember what all of them saw: each calls this once a step.
        """
        pieces = gathered_tensors(batch.cell_id, logits.detach().to(self.logits.dtype))
        for cells, seen in pieces:
            self.logits[cells] = seen
            self.seen[cells] = True
        return sum(len(cells) for cells, _ in pieces)

    def images_of(
        self, cell_id: Int[Tensor, " cell"]
    ) -> tuple[Int[Tensor, " whole"], Int[Tensor, " whole"], Int[Tensor, " image"]]:
        """Return all cells that were seen of the images of some cells.

        Returns:
            The cells, the row of each one's image among these images, and the images.
        """
        images = torch.unique(self.image_of_cell[cell_id])
        sizes = self.counts[images]
        row = torch.arange(len(images), device=images.device).repeat_interleave(sizes)
        within = torch.arange(len(row), device=images.device) - (sizes.cumsum(0) - sizes)[row]
        cells = self.order[self.first[images][row] + within]
        seen = self.seen[cells]
        return cells[seen], row[seen], images
