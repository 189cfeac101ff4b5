"""Which copied labels are believed: all but the share of each class's positives that a network finds least likely.

Networks learn what is true of most examples first and memorise what is wrong later; a large loss late in training
betrays a wrong label (Kim, Kim, Akata and Lee, 2022, "Large Loss Matters", arXiv:2206.03740).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError


def believed(
    logits: Float[Tensor, "cell class"], targets: Float[Tensor, "cell class"], share: float
) -> Float[Tensor, "cell class"]:
    """Return 0 for the share of each class's positives that have the lowest logits, 1 for all else.

    Class by class, since the hardest of all would be those of the rare classes.
    """
    positive = targets > 0.5
    # The loss of a positive falls with its logit, whichever loss it is.
    rank = logits.masked_fill(~positive, torch.inf).argsort(dim=0).argsort(dim=0)
    return 1 - (positive & (rank < (share * positive.sum(dim=0)).floor())).to(logits.dtype)


def require_share(rejected_share: float) -> None:
    """Make sure that something is left to learn from.

    Raises:
        InputError: If the share is not in [0, 1).
    """
    if not 0 <= rejected_share < 1:
        raise InputError(f"supervision.rejected_share must lie in [0, 1), not {rejected_share}.")
