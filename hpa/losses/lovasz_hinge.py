"""Lovász hinge (Berman, Rannen Triki and Blaschko, 2018, arXiv:1705.08790): the Jaccard index of each image's planes.

The winners of the tissue competition trained with it beside cross-entropy. An image with an empty target costs
the hinge of its most confident false positive alone.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.losses.reduction import to_float32
from hpa.losses.symmetric_lovasz import lovasz_hinges


class LovaszHingeLoss(nn.Module):
    """Mean over images and planes of the Lovász hinge of all pixels.

    A soft target y counts as y of a member of the set, and scales the margin by 2 y - 1.
    """

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss; 0 where there are no images."""
        columns = to_float32(_columns(logits))
        members = _columns(targets).to(columns.dtype)
        hinges = lovasz_hinges(columns, members, columns.new_ones(columns.shape))
        return hinges.sum() / max(columns.shape[1], 1)


def _columns(planes: Float[Tensor, "image plane height width"]) -> Float[Tensor, "pixel image_and_plane"]:
    """Return the pixels of each plane of each image as one column: what is ranked together."""
    return planes.flatten(0, 1).flatten(1).T
