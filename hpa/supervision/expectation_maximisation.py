"""The classes of cells are latent, the labels of the image their noisy union: expectation-maximisation.

E step: what the cells of an image show, given the network's view of each and the labels of all (Bayes' rule over all
combinations, in closed form). M step: a gradient step of the network towards that. For labels of images and unseen
regions: Papandreou, Chen, Murphy and Yuille, 2015, arXiv:1502.02734; for bags: Zhang and Goldman, 2001 (EM-DD). Labels
may be wrong both ways: a class that some cell shows is missed, or one that no cell shows is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Loss, Unit
from hpa.supervision.class_rates import rates_of, require_rates
from hpa.supervision.pooling.packed import at_least_single, bag_max, bag_sum


class ExpectationMaximisationSupervision(nn.Module):
    """Loss between cell logits and what the cells probably show, given the labels of their image.

    An untaught network knows nothing to start from, so targets move from the copied labels to the expectation while
    training warms up.

    Args:
        loss: Compares logits with targets.
        missed_rate: Probability that an image is not told of a class that one of its cells shows, in (0, 1).
        spurious_rate: Probability that an image is told of a class that none of its cells shows, in (0, 1). One number
            or one a class, like the first.
        warm_up: Share of training after which targets are the expectation alone, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    unit: Unit = "image"
    missed_rate: Tensor
    spurious_rate: Tensor

    def __init__(
        self,
        loss: Loss,
        missed_rate: float | Sequence[float],
        spurious_rate: float | Sequence[float],
        warm_up: float,
    ) -> None:
        super().__init__()
        if not 0 <= warm_up <= 1:
            raise InputError(f"supervision.warm_up must lie in [0, 1], not {warm_up}.")
        self.loss = loss
        self.warm_up = warm_up
        self.register_buffer("missed_rate", rates_of("missed_rate", missed_rate), persistent=False)
        self.register_buffer("spurious_rate", rates_of("spurious_rate", spurious_rate), persistent=False)

    def attach(self, model: CellModel) -> None:
        """Check that the rates serve the network's classes.

        Raises:
            InputError: If there are neither one nor as many rates as classes.
        """
        require_rates("missed_rate", self.missed_rate, model.class_count)
        require_rates("spurious_rate", self.spurious_rate, model.class_count)

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`."""
        logits = model(batch).logits
        expected = self.expectation(logits.detach(), batch.image_of_cell, batch.image_targets)
        copied = batch.image_targets[batch.image_of_cell]
        trust = 1.0 if progress >= self.warm_up else progress / self.warm_up
        return {"cells": self.loss(logits, copied + trust * (expected - copied))}

    def expectation(
        self,
        logits: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
        image_targets: Float[Tensor, "image class"],
    ) -> Float[Tensor, "cell class"]:
        """Return the probability that each cell shows each class, given all cells and the labels of their image."""
        yes, no = logsigmoid(at_least_single(logits)), logsigmoid(-at_least_single(logits))
        log_none = bag_sum(no, image_of_cell, len(image_targets))
        # Some cell is at least as probable as the likeliest one: finite where all are too unlikely to be summed.
        log_some = (-torch.expm1(log_none)).log().maximum(bag_max(yes, image_of_cell, len(image_targets)))
        missed, spurious = self.missed_rate, self.spurious_rate
        told = torch.logaddexp((1 - missed).log() + log_some, spurious.log() + log_none)
        untold = torch.logaddexp(missed.log() + log_some, (1 - spurious).log() + log_none)
        # A cell that shows the class makes the union certain; what is left is whether that was told.
        if_told = (yes + (1 - missed).log() - told[image_of_cell]).exp()
        if_untold = (yes + missed.log() - untold[image_of_cell]).exp()
        label = image_targets[image_of_cell]
        return (label * if_told + (1 - label) * if_untold).clamp(0, 1)
