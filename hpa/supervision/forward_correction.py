"""Forward correction: learns what cells show through a model of the noise of their copied labels.

The image of a cell that shows a class nearly always has its label; the image of a cell that does not may have it too,
because other cells show it. Instead of the cell's probability p, the probability that its image has the label is
compared with the label (Patrini, Rozza, Menon, Nock and Qu, 2017, arXiv:1609.03683). How often images have the label
of a class that the cell does not show is learned beside the network (Goldberger and Ben-Reuven, 2017), or given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.interfaces import CellBatch, CellModel, Loss, StepResult, Supervision
from hpa.supervision.label_rates import class_rates


class ForwardCorrectionSupervision(nn.Module, Supervision):
    """Loss between the probability that a cell's image has a label and the labels of its image.

    Args:
        loss: Compares logits with targets.
        label_rate_if_shown: Probability that the image of a cell that shows a class has its label, in (0, 1).
        label_rate_if_not_shown: Probability that the image of a cell that does not show a class has its label, in
            (0, 1). One number or one a class, like the first.
        learned: Whether `label_rate_if_not_shown` is trained, class by class, from there on, or fixed.
        model: The network, whose classes the probabilities must fit.

    Raises:
        InputError: If a probability is out of its range, or there are neither one nor as many as classes.
    """

    shown_log_odds: Tensor
    not_shown_log_odds: Tensor

    def __init__(
        self,
        loss: Loss,
        label_rate_if_shown: float | Sequence[float],
        label_rate_if_not_shown: float | Sequence[float],
        learned: bool,
        model: CellModel,
    ) -> None:
        super().__init__()
        self.loss = loss
        classes = model.class_count
        shown = class_rates("label_rate_if_shown", label_rate_if_shown, classes).logit()
        not_shown = class_rates("label_rate_if_not_shown", label_rate_if_not_shown, classes).logit()
        self.register_buffer("shown_log_odds", shown, persistent=False)
        if learned:
            self.not_shown_log_odds = nn.Parameter(not_shown.expand(classes).clone())
        else:
            self.register_buffer("not_shown_log_odds", not_shown, persistent=False)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`."""
        del progress
        output = model(batch)
        logits = _logits_of_labels(output.logits, self.shown_log_odds, self.not_shown_log_odds)
        return StepResult({"cells": self.loss(logits, batch.image_targets[batch.image_of_cell])}, output)


def _logits_of_labels(
    logits: Float[Tensor, "cell class"],
    shown: Float[Tensor, " #class"],
    not_shown: Float[Tensor, " #class"],
) -> Float[Tensor, "cell class"]:
    """Return the logit of p a + (1 - p) b from the logits of p, a and b; finite for p near 0 or 1."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    yes, no = logsigmoid(logits), logsigmoid(-logits)
    labeled = torch.logaddexp(yes + logsigmoid(shown), no + logsigmoid(not_shown))
    unlabeled = torch.logaddexp(yes + logsigmoid(-shown), no + logsigmoid(-not_shown))
    return labeled - unlabeled
