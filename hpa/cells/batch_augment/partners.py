"""Draws for each image of a batch another one, and for each cell a cell of it: whom `mixup` and `cutmix` mix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


@dataclass(frozen=True)
class Partners:
    """Who is mixed with whom.

    Attributes:
        images: For each image its partner, itself where it has none.
        cells: For each cell one of its image's partner.
    """

    images: Int[Tensor, " image"]
    cells: Int[Tensor, " cell"]


def drawn_partners(image_of_cell: Int[Tensor, " cell"], image_count: int) -> Partners:
    """Draw partners among the images that have a cell here; each is the partner of one."""
    images, cells = _partners(image_of_cell.cpu(), image_count)
    return Partners(images.to(image_of_cell.device), cells.to(image_of_cell.device))


def mixed_targets(
    targets: Float[Tensor, "row class"], other: Int[Tensor, " row"], share: Float[Tensor, " row"]
) -> Float[Tensor, "row class"]:
    """Return `share` of each row and the rest of another; a row of share 1 stays as it is, unknown ones (NaN) too."""
    kept = share[:, None].to(targets)
    mixed = kept * targets + (1 - kept) * targets[other]
    return torch.where(kept < 1, mixed, targets)


def require_crops(batch: CellBatch, step: str) -> None:
    """Make sure that a batch shows crops.

    Raises:
        InputError: If it shows whole images.
    """
    if batch.fields is not None:
        raise InputError(
            f"batch_augment: {step} changes crops, and model.view=whole_image shows whole images; take this step out "
            "(field_augment= changes whole images)."
        )


def _partners(
    image_of_cell: Int[Tensor, " cell"], image_count: int
) -> tuple[Int[Tensor, " image"], Int[Tensor, " cell"]]:
    present = torch.unique(image_of_cell)
    images = torch.arange(image_count)
    ring = present[torch.randperm(len(present))]
    images[ring] = ring.roll(1)  # no image is its own partner, unless it is alone
    sizes = image_of_cell.bincount(minlength=image_count)
    starts = sizes.cumsum(0) - sizes
    theirs = images[image_of_cell]
    place = (torch.rand(len(image_of_cell)) * sizes[theirs]).long()  # rand is below 1, the place below the size
    return images, image_of_cell.argsort(stable=True)[starts[theirs] + place]
