"""Cross-entropy of all positives and of the hardest negatives of each class, one third of the winners' loss.

Online mining of hard examples (Shrivastava, Gupta and Girshick, 2016, arXiv:1604.03540), class by class: easy negatives
cost nothing. The numbers of negatives that are kept follow the code of team bestfitting, winners of both competitions
on the Human Protein Atlas (Ouyang et al., Nature Methods 16:1254, 2019; Le et al., Nature Methods 19:1221, 2022).
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa.core.errors import InputError
from hpa.losses.reduction import to_float32


class HardLogLoss(nn.Module):
    """Mean over classes of the mean cross-entropy of the elements kept.

    A class with P positives (target above 0) and N negatives keeps min(N, P + max(min_negatives, min_share N),
    max_share N + min_negatives) negatives, those of the highest logits. An element of weight 0 is neither; other
    weights multiply the cross-entropy of their element.

    Args:
        min_negatives: Negatives kept where there are hardly any, >= 0; 2 in the winners' code.
        min_share: Share of the negatives that is kept beside as many as positives, in [0, 1]; 0.5 there.
        max_share: Share of the negatives above which none is kept, in [0, 1]; 0.7 there. With 1 and `min_share` 1
            all are kept.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, min_negatives: int, min_share: float, max_share: float) -> None:
        super().__init__()
        if min_negatives < 0:
            raise InputError(f"loss.min_negatives must be 0 or more, not {min_negatives}; the winners took 2.")
        if not (0 <= min_share <= 1 and 0 <= max_share <= 1):
            raise InputError(
                f"loss.min_share and loss.max_share must lie in [0, 1], not {min_share} and {max_share}; "
                "the winners took 0.5 and 0.7."
            )
        self.min_negatives = min_negatives
        self.min_share = min_share
        self.max_share = max_share

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
        positive = (targets > 0) & (weights != 0)
        kept = positive | self._hard(logits.detach(), positive, (targets <= 0) & (weights != 0))
        elements = binary_cross_entropy_with_logits(logits, targets, reduction="none") * weights * kept
        return (elements.sum(dim=0) / kept.sum(dim=0).clamp(min=1)).sum() / max(logits.shape[1], 1)

    def _hard(
        self,
        logits: Float[Tensor, "row class"],
        positive: Bool[Tensor, "row class"],
        negative: Bool[Tensor, "row class"],
    ) -> Bool[Tensor, "row class"]:
        """Return which elements are among the hardest negatives of their class."""
        positives, negatives = positive.sum(dim=0), negative.sum(dim=0)
        wanted = positives + (self.min_share * negatives).floor().clamp(min=self.min_negatives)
        limit = (self.max_share * negatives).floor() + self.min_negatives
        order = logits.masked_fill(~negative, -torch.inf).argsort(dim=0, descending=True)
        return negative & (order.argsort(dim=0) < wanted.minimum(limit))
