"""The classes of cells are latent, the labels of their image depend on them, with errors: expectation-maximisation.

E step: the posterior of what the cells of an image show, given the network's predictions for all of them and the
image's labels. M step: a gradient step of the network towards it, and new estimates of how often labels are wrong. For
labels of images and their regions: Papandreou, Chen, Murphy and Yuille, 2015, arXiv:1502.02734; for noisy labels:
Raykar et al., JMLR 11:1297, 2010.
"""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Loss, StepResult, Supervision, TrainingCells
from hpa.supervision.cell_memory import CellMemory
from hpa.supervision.image_posterior import ImagePosterior
from hpa.supervision.label_rates import RatePrior, Rates

REFIT_SHARE = 0.5
"""Rates are estimated anew after so many draws, as a share of the cells seen: often at first, then twice an epoch."""


class ExpectationMaximisationSupervision(nn.Module, Supervision):
    """Loss between cell logits and the posterior of their classes, given the labels of their image.

    The posterior of an untrained network means nothing, so targets move from the copied labels to the posterior while
    training warms up. Batches mix cells of all images; what the others of an image show is remembered from their last
    batch.

    Args:
        loss: Compares logits with targets.
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1): one
            number, one a class, or "estimated".
        false_positive_rate: Probability that an image has the label of a class that no cell shows, likewise.
        prior: Of rates that are estimated.
        label_weight: Share of the target that is the image's label itself, in [0, 1].
        warm_up: Share of training after which targets are the posterior alone, in [0, 1].
        model: The network, whose classes the rates must fit.
        training_cells: All cells of the data set.

    Raises:
        InputError: If a number is out of its range, or rates are neither one nor as many as classes.
    """

    drawn: Tensor

    def __init__(
        self,
        loss: Loss,
        false_negative_rate: Rates,
        false_positive_rate: Rates,
        prior: RatePrior,
        label_weight: float,
        warm_up: float,
        model: CellModel,
        training_cells: TrainingCells,
    ) -> None:
        super().__init__()
        for name, value in (("label_weight", label_weight), ("warm_up", warm_up)):
            if not 0 <= value <= 1:
                raise InputError(f"supervision.{name} must lie in [0, 1], not {value}.")
        self.loss = loss
        self.label_weight = label_weight
        self.warm_up = warm_up
        self.posterior = ImagePosterior(false_negative_rate, false_positive_rate, prior, model.class_count)
        self.memory = CellMemory(training_cells)
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`."""
        output = model(batch)
        logits = output.logits.detach()
        if model.training:
            self._remember(batch, logits)
            posterior = self._of_remembered(batch)
        else:  # images that are held out come whole, and leave no trace
            posterior = self.posterior(logits, batch.image_of_cell, batch.image_targets)
        copied = batch.image_targets[batch.image_of_cell]
        share = 1.0 if progress >= self.warm_up else progress / self.warm_up
        targets = copied + share * (1 - self.label_weight) * (posterior - copied)
        return StepResult({"cells": self.loss(output.logits, targets)}, output)

    def _remember(self, batch: CellBatch, logits: Float[Tensor, "cell class"]) -> None:
        self.drawn += self.memory.remember(batch, logits)
        seen = self.memory.seen
        if self.drawn >= REFIT_SHARE * seen.sum():
            self.drawn.zero_()
            self.posterior.fit(self.memory.logits[seen], self.memory.image_of_cell[seen], self.memory.image_targets)

    def _of_remembered(self, batch: CellBatch) -> Float[Tensor, "cell class"]:
        cells, image_of_cell, images = self.memory.images_of(batch.cell_id)
        posterior = self.posterior(self.memory.logits[cells], image_of_cell, self.memory.image_targets[images])
        place = torch.empty_like(self.memory.image_of_cell)
        place[cells] = torch.arange(len(cells), device=cells.device)
        return cast("Tensor", posterior[place[batch.cell_id]])
