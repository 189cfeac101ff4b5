"""Exchanges some cells between two images and adapts their labels: copy-paste augmentation for bags of crops.

A bag of cells of several images has the labels of all of them. The winners of the 2021 competition pasted cells into
other fields, so that their networks read cells of several images together (Le et al., Nature Methods 19:1221, 2022).
Cells are exchanged and not copied, so that a batch keeps its size and every cell occurs once.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.cells.batch_augment.mixing import labels_of_mixed_bags
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchExchange:
    """Exchanges as many cells between the two images of some pairs of a batch.

    Args:
        share: Share of the smaller bag that is exchanged, in (0, 1]; at least one cell is.
        positive_share: Share of an image's cells that are positive for one of its labels, in (0, 1]; it decides the
            labels of a mixed bag (`labels_of_mixed_bags`), with 1 the union of the labels.
        probability: Share of the pairs that exchange cells, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, share: float, positive_share: float, probability: float) -> None:
        if not (0 < share <= 1 and 0 < positive_share <= 1 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: share and positive_share must lie in (0, 1], probability in [0, 1]; came "
                f"{share}, {positive_share} and {probability}."
            )
        self._share = share
        self._positive_share = positive_share
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch, some of its cells in other bags.

        Raises:
            InputError: If the batch holds whole images.
        """
        if batch.fields is not None:
            raise InputError(
                "batch_augment: exchange changes bags of crops, model.view=whole_image has none; choose paste."
            )
        before = batch.image_of_cell.cpu()
        after = self._exchanged(before)
        if torch.equal(before, after):
            return batch
        targets = self._targets(before, after, batch.image_targets.cpu())
        return replace(
            batch,
            image_of_cell=after.to(batch.image_of_cell.device),
            image_targets=targets.to(batch.image_targets),
        )

    def _exchanged(self, image_of_cell: Int[Tensor, " cell"]) -> Int[Tensor, " cell"]:
        """Sample the image of each cell after the exchange."""
        after = image_of_cell.clone()
        present = torch.unique(image_of_cell)
        order = present[torch.randperm(len(present))]
        for first, second in order[: len(order) // 2 * 2].reshape(-1, 2).tolist():
            if torch.rand(()) >= self._probability:
                continue
            bags = [(image_of_cell == image).nonzero()[:, 0] for image in (first, second)]
            count = max(1, round(self._share * min(map(len, bags))))
            for bag, image in zip(bags, (second, first), strict=True):
                after[bag[torch.randperm(len(bag))[:count]]] = image
        return after

    def _targets(
        self,
        before: Int[Tensor, " cell"],
        after: Int[Tensor, " cell"],
        targets: Float[Tensor, "image class"],
    ) -> Float[Tensor, "image class"]:
        """Return labels of the bags after the exchange; those of untouched images stay as they are."""
        count = torch.zeros(len(targets), len(targets), dtype=torch.int64)  # (bag, image it came from)
        count.index_put_((after, before), torch.ones_like(after), accumulate=True)
        labels = labels_of_mixed_bags(count, before.bincount(minlength=len(targets)), targets, self._positive_share)
        mixed = torch.isin(torch.arange(len(targets)), after[after != before])
        return torch.where(mixed[:, None], labels, targets)
