"""Pastes cells of one whole image into blank areas of another and adapts its labels.

The winners of the 2021 competition pasted cells into blank areas (Le et al., Nature Methods 19:1221, 2022); for
instance segmentation: Ghiasi et al., 2021, arXiv:2012.07177. A cell moves by whole positions of the
coverage grid, so its coverage moves with it exactly; its edge is as soft as a position is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

from hpa.cells.batch_augment.mixing import labels_of_mixed_bags, random_partners
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, FieldBatch


@dataclass(frozen=True)
class _Pasted:
    """A copy of a cell: the cell, the image it is pasted into, and its coverage there."""

    cell: int
    image: int
    coverage: Float[Tensor, "grid grid"]


class BatchPaste:
    """Copies cells of other images of the batch into some images, where there is room.

    Args:
        max_cells: Upper bound on the cells pasted into an image, >= 1.
        positive_share: As in `BatchExchange`: decides the labels of an image with pasted cells.
        probability: Share of the images that get cells, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, max_cells: int, positive_share: float, probability: float) -> None:
        if not (max_cells >= 1 and 0 < positive_share <= 1 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: max_cells must be 1 or more, positive_share in (0, 1] and probability in [0, 1]; came "
                f"{max_cells}, {positive_share} and {probability}."
            )
        self._max_cells = max_cells
        self._positive_share = positive_share
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch with the copies as further cells at its end.

        Raises:
            InputError: If the batch holds crops.
        """
        if batch.fields is None:
            raise InputError(
                "batch_augment: paste puts cells into whole images, and model.view=crop reads them one by one; choose "
                "exchange, which mixes bags."
            )
        count = len(batch.image_targets)
        partners = random_partners(batch.image_of_cell, count).images.tolist()
        images = batch.fields.images.clone()
        pasted: list[_Pasted] = []
        for image in (torch.rand(count) < self._probability).nonzero()[:, 0].tolist():
            if partners[image] != image:
                pasted += self._into(image, partners[image], batch, batch.fields, images)
        return self._with(pasted, images, batch, batch.fields) if pasted else batch

    def _into(
        self,
        image: int,
        partner: int,
        batch: CellBatch,
        fields: FieldBatch,
        images: Float[Tensor, "image channel side side"],
    ) -> list[_Pasted]:
        """Paste cells of a partner into an image of `images`."""
        candidates = (batch.image_of_cell == partner).nonzero()[:, 0].cpu()
        taken = (fields.coverage[batch.image_of_cell == image] > 0).any(dim=0)
        pasted: list[_Pasted] = []
        for cell in candidates[torch.randperm(len(candidates))[: self._max_cells]].tolist():
            shift = _shift_to_room(fields.coverage[cell] > 0, taken)
            if shift is None:
                continue
            moved = fields.coverage[cell].roll(shift, (0, 1))
            taken = taken | (moved > 0)
            stride = images.shape[-1] // len(moved)
            # a position that the cell fills holds the maximum share: divided by it, shares become opacities
            opaque = interpolate((moved / moved.max())[None, None], images.shape[-2:], mode="bilinear")[0]
            donor = fields.images[partner].roll([stride * step for step in shift], (1, 2))
            images[image] = torch.lerp(images[image], donor, opaque)
            pasted.append(_Pasted(cell, image, moved))
        return pasted

    def _with(
        self,
        pasted: Sequence[_Pasted],
        images: Float[Tensor, "image channel side side"],
        batch: CellBatch,
        fields: FieldBatch,
    ) -> CellBatch:
        device = batch.image_of_cell.device
        source = torch.tensor([copy.cell for copy in pasted], device=device)
        hosts = torch.tensor([copy.image for copy in pasted], device=device)
        cells = batch.image_of_cell.bincount(minlength=len(images))
        count = torch.diag(cells).index_put(
            (hosts, batch.image_of_cell[source]), torch.ones_like(hosts), accumulate=True
        )
        truth, corrected = batch.cell_targets, batch.corrected_targets
        return replace(
            batch,
            crops=torch.cat([batch.crops, batch.crops[source]]),
            image_of_cell=torch.cat([batch.image_of_cell, hosts]),
            cell_id=torch.cat([batch.cell_id, batch.cell_id[source]]),
            image_targets=labels_of_mixed_bags(count, cells, batch.image_targets, self._positive_share),
            cell_targets=None if truth is None else torch.cat([truth, truth[source]]),
            corrected_targets=None if corrected is None else torch.cat([corrected, corrected[source]]),
            fields=FieldBatch(images, torch.cat([fields.coverage, torch.stack([copy.coverage for copy in pasted])])),
        )


def _shift_to_room(shape: Bool[Tensor, "grid grid"], taken: Bool[Tensor, "grid grid"]) -> tuple[int, int] | None:
    """Sample a shift by whole positions that moves a cell to free positions; None where there is no room."""
    rows, columns = (shape.any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    kernel = shape[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    free = (conv2d(taken[None, None].float(), kernel[None, None].float())[0, 0] < 0.5).nonzero().cpu()
    if not len(free):
        return None
    row, column = free[int(torch.randint(len(free), ()))].tolist()
    return row - top, column - left
