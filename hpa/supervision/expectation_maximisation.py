"""The classes of cells are latent, the labels of their image depend on them, with errors: expectation-maximisation.

E step: the posterior of what the cells of an image show, given predictions for all of them and the image's labels. M
step: a gradient step of the network towards it, and new estimates of how often labels are wrong. For labels of images
and their regions: Papandreou, Chen, Murphy and Yuille, 2015, arXiv:1502.02734; for noisy labels: Raykar et al., JMLR
11:1297, 2010.

Posteriors of a network's own predictions confirm themselves: cells of a look-alike are taken for a missed label, the
network learns that they show the class, and the rate of missed labels grows. Predictions for the E step therefore come
from a second head of the same network, which learns the labels of images copied to each cell, and never a posterior.
"""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Loss, StepResult, Supervision, TrainingCells
from hpa.supervision.bags import to_float32
from hpa.supervision.cell_memory import CellMemory
from hpa.supervision.image_posterior import ImagePosterior, given_some_class, logits_of_classes
from hpa.supervision.label_rates import RatePrior, Rates

REFIT_SHARE = 0.5
"""Rates are estimated anew after so many draws, as a share of the cells seen: often at first, then twice an epoch."""


class ExpectationMaximisationSupervision(nn.Module, Supervision):
    """Loss between cell logits and the posterior of their classes, plus that of a second head on copied labels.

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
        every_cell_shows_a_class: Whether a cell of an image with a label shows at least one class, so that an image
            with two labels does not give both to each cell.

    Raises:
        InputError: If a number is out of its range, or rates are neither one nor as many as classes.
    """

    drawn: Tensor
    label_share: Tensor
    """How often the image of a cell has each label, as the second head predicts."""

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
        every_cell_shows_a_class: bool = False,  # as runs were trained that do not say it
    ) -> None:
        super().__init__()
        for name, value in (("label_weight", label_weight), ("warm_up", warm_up)):
            if not 0 <= value <= 1:
                raise InputError(f"supervision.{name} must lie in [0, 1], not {value}.")
        self.loss = loss
        self.label_weight = label_weight
        self.warm_up = warm_up
        self.every_cell_shows_a_class = every_cell_shows_a_class
        self.posterior = ImagePosterior(false_negative_rate, false_positive_rate, prior, model.class_count)
        self.memory = CellMemory(training_cells)
        self.label_head = nn.Linear(model.feature_count, model.class_count)
        copied = training_cells.image_targets[training_cells.image_of_cell]
        share = (copied.sum(dim=0) + 1) / (len(copied) + 2)
        nn.init.zeros_(self.label_head.weight)
        with torch.no_grad():
            self.label_head.bias.copy_(share.logit())
        self.register_buffer("label_share", share)
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms `cells` and `labels`."""
        output = model(batch)
        label_logits = to_float32(self.label_head(output.features.to(self.label_head.weight.dtype)))
        if model.training:
            self._remember(batch, label_logits)
            posterior = self._of_remembered(batch)
        else:  # images that are held out come whole, and leave no trace
            shown = logits_of_classes(label_logits.detach(), self.label_share)
            posterior = self.posterior(shown, batch.image_of_cell, batch.image_targets)
        copied = batch.image_targets[batch.image_of_cell]
        if self.every_cell_shows_a_class:
            has_label = copied.any(dim=1, keepdim=True)
            posterior = torch.where(has_label, given_some_class(posterior), posterior)
        share = 1.0 if progress >= self.warm_up else progress / self.warm_up
        targets = copied + share * (1 - self.label_weight) * (posterior - copied)
        # Whatever the loss of the classes, this one gives probabilities.
        labels = binary_cross_entropy_with_logits(label_logits, to_float32(copied))
        return StepResult({"cells": self.loss(output.logits, targets), "labels": labels}, output)

    def _remember(self, batch: CellBatch, label_logits: Float[Tensor, "cell class"]) -> None:
        self.drawn += self.memory.remember(batch, label_logits)
        seen = self.memory.seen
        if self.drawn >= REFIT_SHARE * seen.sum():
            self.drawn.zero_()
            remembered = self.memory.logits[seen]
            self.label_share.copy_(remembered.sigmoid().mean(dim=0))
            shown = logits_of_classes(remembered, self.label_share)
            self.posterior.fit(shown, self.memory.image_of_cell[seen], self.memory.image_targets)

    def _of_remembered(self, batch: CellBatch) -> Float[Tensor, "cell class"]:
        cells, image_of_cell, images = self.memory.images_of(batch.cell_id)
        shown = logits_of_classes(self.memory.logits[cells], self.label_share)
        posterior = self.posterior(shown, image_of_cell, self.memory.image_targets[images])
        place = torch.empty_like(self.memory.image_of_cell)
        place[cells] = torch.arange(len(cells), device=cells.device)
        return cast("Tensor", posterior[place[batch.cell_id]])
