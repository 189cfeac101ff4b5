"""Learns what cells show through a model of how they came to be labelled.

A cell that shows a class lies in an image told of it, nearly always; one that does not still does at times, because its
neighbours show it. Instead of the cell's probability p, the probability that it is *told* is compared with the copied
label (Patrini, Rozza, Menon, Nock and Qu, 2017, arXiv:1609.03683, forward correction). How often each class is told
where it is not shown is learned beside the network (Goldberger and Ben-Reuven, 2017), or given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.interfaces import CellBatch, CellModel, Loss, Unit
from hpa.supervision.class_rates import rates_of, require_rates


class ForwardCorrectionSupervision(nn.Module):
    """Loss between the probability that a cell is told of a class and the labels of its image.

    Args:
        loss: Compares logits with targets.
        told_where_shown: Probability that the image of a cell that shows a class is told of it, in (0, 1).
        told_elsewhere: Probability that the image of a cell that does not show a class is told of it, in (0, 1); the
            trust in a class's labels is what it lacks to 1. One number or one a class, like the first.
        learned: Whether `told_elsewhere` is where learning starts, class by class, or fixed.

    Raises:
        InputError: If a probability is out of its range.
    """

    unit: Unit = "cell"
    shown_log_odds: Tensor
    elsewhere_log_odds: Tensor

    def __init__(
        self,
        loss: Loss,
        told_where_shown: float | Sequence[float],
        told_elsewhere: float | Sequence[float],
        learned: bool,
    ) -> None:
        super().__init__()
        self.loss = loss
        self.learned = learned
        shown, elsewhere = rates_of("told_where_shown", told_where_shown), rates_of("told_elsewhere", told_elsewhere)
        self.register_buffer("shown_log_odds", shown.logit(), persistent=False)
        self.register_buffer("elsewhere_log_odds", elsewhere.logit(), persistent=False)

    def attach(self, model: CellModel) -> None:
        """Give each class its own rate, where they are learned.

        Raises:
            InputError: If there are neither one nor as many probabilities as classes.
        """
        require_rates("told_where_shown", self.shown_log_odds, model.class_count)
        require_rates("told_elsewhere", self.elsewhere_log_odds, model.class_count)
        if self.learned:
            start = self.elsewhere_log_odds.expand(model.class_count).clone()
            del self.elsewhere_log_odds
            self.elsewhere_log_odds = nn.Parameter(start)

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`."""
        del progress  # the start and the end of training are taught alike
        told = _told(model(batch).logits, self.shown_log_odds, self.elsewhere_log_odds)
        return {"cells": self.loss(told, batch.image_targets[batch.image_of_cell])}


def _told(
    logits: Float[Tensor, "cell class"],
    shown: Float[Tensor, " #class"],
    elsewhere: Float[Tensor, " #class"],
) -> Float[Tensor, "cell class"]:
    """Return the logit of p a + (1 - p) b, from the logits of p, a and b; logarithms keep it finite for sure cells."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    yes, no = logsigmoid(logits), logsigmoid(-logits)
    told = torch.logaddexp(yes + logsigmoid(shown), no + logsigmoid(elsewhere))
    untold = torch.logaddexp(yes + logsigmoid(-shown), no + logsigmoid(-elsewhere))
    return told - untold
