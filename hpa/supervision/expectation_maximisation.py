"""The classes of cells are latent, the labels of the image their noisy union: expectation-maximisation.

E step: what the cells of an image show, given the network's view of each and the labels of all. M step: a gradient step
of the network towards that. For labels of images and unseen regions: Papandreou, Chen, Murphy and Yuille, 2015,
arXiv:1502.02734; for bags: Zhang and Goldman, 2001 (EM-DD).
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Unit
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior


class ExpectationMaximisationSupervision(nn.Module):
    """Loss between cell logits and what the cells probably show, given the labels of their image.

    An untaught network knows nothing to start from, so targets move from the copied labels to the expectation while
    training warms up.

    Args:
        loss: Compares logits with targets.
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1).
        false_positive_rate: Probability that an image has the label of a class that no cell shows, in (0, 1). One
            number or one a class, like the first.
        warm_up: Share of training after which targets are the expectation alone, in [0, 1].

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
    ) -> None:
        super().__init__()
        if not 0 <= warm_up <= 1:
            raise InputError(f"supervision.warm_up must lie in [0, 1], not {warm_up}.")
        self.loss = loss
        self.warm_up = warm_up
        self.expectation = NoisyOrPosterior(false_negative_rate, false_positive_rate)

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`."""
        logits = model(batch).logits
        expected = self.expectation(logits.detach(), batch.image_of_cell, batch.image_targets)
        copied = batch.image_targets[batch.image_of_cell]
        trust = 1.0 if progress >= self.warm_up else progress / self.warm_up
        return {"cells": self.loss(logits, copied + trust * (expected - copied))}
