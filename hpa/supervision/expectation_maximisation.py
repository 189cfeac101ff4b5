"""The classes of cells are latent, the labels of the image their noisy-or: expectation-maximisation.

E step: the posterior of what the cells of an image show, given the network's predictions and the image's labels. M
step: a gradient step of the network towards it. For labels of images and their regions: Papandreou, Chen, Murphy and
Yuille, 2015, arXiv:1502.02734; for bags: Zhang and Goldman, 2001 (EM-DD).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Loss, StepResult, Supervision, Unit
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior


class ExpectationMaximisationSupervision(nn.Module, Supervision):
    """Loss between cell logits and the posterior of their classes, given the labels of their image.

    The posterior of an untrained network means nothing, so targets move from the copied labels to the posterior while
    training warms up.

    Args:
        loss: Compares logits with targets.
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1).
        false_positive_rate: Probability that an image has the label of a class that no cell shows, in (0, 1). One
            number or one a class, like the first.
        warm_up: Share of training after which targets are the posterior alone, in [0, 1].
        model: The network, whose classes the rates must fit.

    Raises:
        InputError: If a number is out of its range, or rates are neither one nor as many as classes.
    """

    unit: Unit = "image"

    def __init__(
        self,
        loss: Loss,
        false_negative_rate: float | Sequence[float],
        false_positive_rate: float | Sequence[float],
        warm_up: float,
        model: CellModel,
    ) -> None:
        super().__init__()
        if not 0 <= warm_up <= 1:
            raise InputError(f"supervision.warm_up must lie in [0, 1], not {warm_up}.")
        self.loss = loss
        self.warm_up = warm_up
        self.posterior = NoisyOrPosterior(false_negative_rate, false_positive_rate, model.class_count)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`."""
        output = model(batch)
        posterior = self.posterior(output.logits.detach(), batch.image_of_cell, batch.image_targets)
        copied = batch.image_targets[batch.image_of_cell]
        share = 1.0 if progress >= self.warm_up else progress / self.warm_up
        return StepResult({"cells": self.loss(output.logits, copied + share * (posterior - copied))}, output)
