"""Which images of a batch are mixed with each other, and the targets of the mixtures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Partners:
    """For each image another one of the batch, and for each cell one of its cells.

    Attributes:
        images: Partner of each image, the image itself where it has none.
        cells: For each cell a cell of its image's partner.
    """

    images: Int[Tensor, " image"]
    cells: Int[Tensor, " cell"]


def random_partners(image_of_cell: Int[Tensor, " cell"], image_count: int) -> Partners:
    """Return random partners among the images with a cell in the batch; each is the partner of one."""
    images, cells = _partners(image_of_cell.cpu(), image_count)
    return Partners(images.to(image_of_cell.device), cells.to(image_of_cell.device))


def mixed_targets(
    targets: Float[Tensor, "row class"], other: Int[Tensor, " row"], share: Float[Tensor, " row"]
) -> Float[Tensor, "row class"]:
    """Return `share` of each row and the rest of another; a row of share 1 stays as it is, unknown ones (NaN) too."""
    kept = share[:, None].to(targets)
    mixed = kept * targets + (1 - kept) * targets[other]
    return torch.where(kept < 1, mixed, targets)


def labels_of_mixed_bags(
    count: Int[Tensor, "bag image"],
    cells: Int[Tensor, " image"],
    image_targets: Float[Tensor, "image class"],
    positive_share: float,
) -> Float[Tensor, "bag class"]:
    """Return the probability that some cell of a bag is positive for each class.

    Each cell of an image with a label is positive for it with probability `positive_share`, independently, given that
    some cell of the image is; with 1 the result is the union of the labels of all images with a cell in the bag.

    Args:
        count: How many cells of each image each bag holds.
        cells: How many cells each image has.
        image_targets: Labels of the images, 0 to 1.
        positive_share: In (0, 1].
    """
    negative = 1 - positive_share
    # some of k cells is positive, given that some of n is
    positive = (1 - negative**count) / (1 - negative ** cells.clamp(min=1))
    return 1 - (1 - positive[:, :, None].to(image_targets) * image_targets[None]).prod(dim=1)


def _partners(
    image_of_cell: Int[Tensor, " cell"], image_count: int
) -> tuple[Int[Tensor, " image"], Int[Tensor, " cell"]]:
    present = torch.unique(image_of_cell)
    images = torch.arange(image_count)
    ring = present[torch.randperm(len(present))]
    images[ring] = ring.roll(1)  # no image is its own partner, unless it is alone
    sizes = image_of_cell.bincount(minlength=image_count)
    starts = sizes.cumsum(0) - sizes
    partners = images[image_of_cell]
    place = (torch.rand(len(image_of_cell)) * sizes[partners]).long()  # rand is below 1, the place below the size
    return images, image_of_cell.argsort(stable=True)[starts[partners] + place]
