"""What is told of a bag that holds some of the cells of several images."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor


def labels_of_mixed_bags(
    count: Int[Tensor, "bag image"],
    cells: Int[Tensor, " image"],
    image_targets: Float[Tensor, "image class"],
    shown_share: float,
) -> Float[Tensor, "bag class"]:
    """Return the probability that some cell of a bag shows each class.

    Each cell of an image that is told of a class shows it with probability `shown_share`, independently, given that
    some cell of the image does; with 1 it is the union of the labels of all images that have a cell in the bag.

    Args:
        count: How many cells of each image each bag holds.
        cells: How many cells each image has.
        image_targets: Labels of the images, 0 to 1.
        shown_share: In (0, 1].
    """
    hidden = 1 - shown_share
    # Some of k cells shows what some of n does.
    shown = (1 - hidden**count) / (1 - hidden ** cells.clamp(min=1))
    return 1 - (1 - shown[:, :, None].to(image_targets) * image_targets[None]).prod(dim=1)
