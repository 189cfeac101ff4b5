"""Pseudo-labels from a teacher's probabilities: which cells of an image show its labels (`supervision/selection=`)."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellModel, Unit
from hpa.supervision.image_posterior import ImagePosterior
from hpa.supervision.label_rates import RatePrior, Rates


@runtime_checkable
class Selection(Protocol):
    """Turns a teacher's probabilities into pseudo-labels."""

    unit: Unit
    """"image" where a cell is compared with the others of its image, which must then be in one batch; else "cell"."""

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        image_labels: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return pseudo-labels in [0, 1].

        Args:
            probabilities: Of the teacher.
            image_labels: The labels of each cell's image.
            image_of_cell: Number of each cell's image.
        """


class SoftSelection:
    """The teacher's probability, sharpened or flattened.

    Soft targets carry the teacher's confidence (Hinton, Vinyals and Dean, 2015, arXiv:1503.02531); the third and the
    seventh team of the 2021 competition trained their networks of cells on them.

    Args:
        temperature: Divides the teacher's logits, > 0; below 1 sharpens.

    Raises:
        InputError: If it is not positive.
    """

    unit: Unit = "cell"

    def __init__(self, temperature: float) -> None:
        if not temperature > 0:
            raise InputError(
                f"supervision.selection.temperature must be above 0, not {temperature}; 1 changes nothing."
            )
        self.temperature = temperature

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        image_labels: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return pseudo-labels in [0, 1] from the probabilities alone."""
        del image_labels, image_of_cell
        # The bound keeps a probability of exactly 0 or 1 (rounded in single precision) finite.
        return (probabilities.logit(eps=1e-6) / self.temperature).sigmoid()


class ThresholdSelection:
    """1 from a probability on, 0 below it (FixMatch: Sohn et al., 2020, arXiv:2001.07685).

    Args:
        threshold: That probability, in (0, 1).

    Raises:
        InputError: If it is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold < 1:
            raise InputError(f"supervision.selection.threshold must lie between 0 and 1, not {threshold}.")
        self.threshold = threshold

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        image_labels: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return pseudo-labels, 0 or 1, from the probabilities alone."""
        del image_labels, image_of_cell
        return (probabilities >= self.threshold).to(probabilities.dtype)


class RankSelection:
    """1 for the share of an image's cells with the highest probability of each class, at least one; 0 for the others.

    Ranks need no calibration: a teacher that is unsure of a whole image still orders its cells. The fifth team of the
    2021 competition kept labels of cells by rank in three rounds of growing share.

    Args:
        share: That share, in (0, 1].

    Raises:
        InputError: If it is out of its range.
    """

    unit: Unit = "image"

    def __init__(self, share: float) -> None:
        if not 0 < share <= 1:
            raise InputError(f"supervision.selection.share must lie above 0 and at most at 1, not {share}.")
        self.share = share

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        image_labels: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return pseudo-labels, 0 or 1, without regard to labels; of equal cells the earlier ones are chosen."""
        del image_labels
        _, bag_of_cell, sizes = torch.unique(image_of_cell, return_inverse=True, return_counts=True)
        kept = (sizes * self.share).ceil().clamp(min=1)  # (image,)
        starts = sizes.cumsum(0) - sizes
        pseudo_labels = torch.empty_like(probabilities)
        for column, values in enumerate(probabilities.T):
            order = values.argsort(descending=True, stable=True)
            order = order[bag_of_cell[order].argsort(stable=True)]  # image by image, highest first
            rank = torch.arange(len(order), device=order.device) - starts.repeat_interleave(sizes)
            selected = rank < kept.repeat_interleave(sizes)
            pseudo_labels[order, column] = selected.to(probabilities.dtype)
        return pseudo_labels


class ExpectationSelection(nn.Module):
    """The posterior probability that a cell shows a class, given the teacher's view of all cells and their labels.

    Where `supervision=expectation_maximisation` uses the network's own predictions, this uses a teacher's, of images
    that it has not seen where the teacher is an earlier run (Papandreou, Chen, Murphy and Yuille, 2015,
    arXiv:1502.02734). Labels are part of the posterior: use it with `supervision.label_weight=0
    supervision.unlabeled_weight=1`. Rates are estimated from the cells it is given: all at once by the teacher
    `out_of_fold`; a batch at a time by `average`, where they hardly leave their prior.

    Args:
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1): one
            number, one a class, or "estimated".
        false_positive_rate: Probability that an image has the label of a class that no cell shows, likewise.
        prior: Of rates that are estimated.
        model: The network, whose classes the rates must fit.

    Raises:
        InputError: If a rate is out of its range, or there are neither one nor as many as classes.
    """

    unit: Unit = "image"

    def __init__(
        self,
        false_negative_rate: Rates,
        false_positive_rate: Rates,
        prior: RatePrior,
        model: CellModel,
    ) -> None:
        super().__init__()
        self.posterior = ImagePosterior(false_negative_rate, false_positive_rate, prior, model.class_count)

    def forward(
        self,
        probabilities: Float[Tensor, "cell class"],
        image_labels: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return pseudo-labels in [0, 1]."""
        images, bag_of_cell = torch.unique(image_of_cell, return_inverse=True)
        image_targets = image_labels.new_zeros(len(images), image_labels.shape[1])
        image_targets[bag_of_cell] = image_labels
        # The bound keeps a probability of exactly 0 or 1 (rounded in single precision) finite.
        logits = probabilities.logit(eps=1e-6)
        self.posterior.fit(logits, bag_of_cell, image_targets)
        return self.posterior(logits, bag_of_cell, image_targets).to(probabilities.dtype)
