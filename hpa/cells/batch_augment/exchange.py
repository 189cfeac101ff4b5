"""Lets two images exchange some of their cells, labels following: copy and paste of cells, for bags of crops.

A bag of cells of several images shows what any of them shows. The winners of the 2021 competition pasted cells into
other fields, and their networks saw cells of several images together (Le et al., Nature Methods 19:1221, 2022). Cells
are exchanged and not copied, so that a batch keeps its size and every cell is seen once.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.cells.bag_labels import labels_of_mixed_bags
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchExchange:
    """Exchanges as many cells between the two images of some pairs of a batch.

    Args:
        share: Share of the smaller bag that is exchanged, in (0, 1]; at least one cell is.
        shown_share: Share of an image's cells that show a class it is told of, in (0, 1], from which follows what a
            mixed bag is told (`labels_of_mixed_bags`); with 1 the union of the labels.
        probability: How often a pair exchanges cells, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, share: float, shown_share: float, probability: float) -> None:
        if not (0 < share <= 1 and 0 < shown_share <= 1 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: share and shown_share must lie in (0, 1], probability in [0, 1]; came "
                f"{share}, {shown_share} and {probability}."
            )
        self._share = share
        self._shown_share = shown_share
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch, some of its cells in other bags.

        Raises:
            InputError: If the batch shows whole images.
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
        """Draw whose each cell is from now on."""
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
        labels = labels_of_mixed_bags(count, before.bincount(minlength=len(targets)), targets, self._shown_share)
        mixed = torch.isin(torch.arange(len(targets)), after[after != before])
        return torch.where(mixed[:, None], labels, targets)
