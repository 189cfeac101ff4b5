"""Symmetric Lovász hinge (Berman, Rannen Triki and Blaschko, 2018, arXiv:1705.08790): a surrogate of the Jaccard index.

For each class the positive rows are a set, and so are the predicted ones; the loss is the convex extension of one minus
the overlap of both. A class of few positives weighs as much as a frequent one. The symmetric form adds the
overlap of the complements, as the winners of the Atlas's competitions did.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.losses.reduction import to_float32


class SymmetricLovaszLoss(nn.Module):
    """Mean over classes of the Lovász hinges of the class and of its complement.

    A soft target y counts as y of a member of the set, and scales the margin by 2 y - 1. An element of weight 0 is left
    out of the sets; other weights multiply the hinge of their element.
    """

    def forward(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss; 0 where there are no rows."""
        logits = to_float32(logits)
        targets = targets.to(logits.dtype)
        weights = torch.ones_like(logits) if weights is None else weights.to(logits.dtype)
        both = lovasz_hinges(logits, targets, weights) + lovasz_hinges(-logits, 1 - targets, weights)
        return both.sum() / (2 * max(logits.shape[1], 1))


def lovasz_hinges(
    logits: Float[Tensor, "row class"], targets: Float[Tensor, "row class"], weights: Float[Tensor, "row class"]
) -> Float[Tensor, "row class"]:
    """Return each element's hinge times its share of the Jaccard loss, rows of a class in order of falling error."""
    left_out = weights == 0
    errors = (1 - logits * (2 * targets - 1)).masked_fill(left_out, 0)
    # Last in the order and no member of the set: what is left out changes the share of no other element.
    order = errors.detach().masked_fill(left_out, -torch.inf).argsort(dim=0, descending=True)
    members = targets.masked_fill(left_out, 0).gather(0, order)
    return errors.gather(0, order).relu() * weights.gather(0, order) * _jaccard_shares(members)


def _jaccard_shares(members: Float[Tensor, "row class"]) -> Float[Tensor, "row class"]:
    """Return how much the Jaccard loss grows with each further element in error."""
    outside = members.sum(dim=0) - members.cumsum(dim=0)
    union = members.sum(dim=0) + (1 - members).cumsum(dim=0)
    losses = 1 - outside / union.clamp(min=torch.finfo(members.dtype).tiny)
    return losses.diff(dim=0, prepend=losses.new_zeros(1, losses.shape[1]))
