"""A cell is believed as far as it probably shows a class, given a teacher's view of all cells and their image's labels.

Where `supervision=expectation_maximisation` lets a network ask itself, this asks a teacher: of a whole image at once,
and of images that it has not seen where the teacher is an earlier run. A class that the image is told comes from some
cell, however little the teacher sees of it (Papandreou, Chen, Murphy and Yuille, 2015, arXiv:1502.02734).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import Unit
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior


class ExpectationSelection(nn.Module):
    """The probability that a cell shows a class, of classes that the image is told as of others.

    It has weighed the labels already: `supervision.label_weight=0 supervision.unlabeled_weight=1` adds nothing to it.

    Args:
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1).
        false_positive_rate: Probability that an image has the label of a class that no cell shows, in (0, 1). One
            number or one a class, like the first.

    Raises:
        InputError: If a rate is out of its range, or they are neither one nor as many as classes.
    """

    unit: Unit = "image"

    def __init__(
        self, false_negative_rate: float | Sequence[float], false_positive_rate: float | Sequence[float]
    ) -> None:
        super().__init__()
        self.expectation = NoisyOrPosterior(false_negative_rate, false_positive_rate)

    def forward(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return beliefs in [0, 1]."""
        images, bag_of_cell = torch.unique(image_of_cell, return_inverse=True)
        image_targets = copied.new_zeros(len(images), copied.shape[1])
        image_targets[bag_of_cell] = copied
        # The bound keeps a probability of exactly 0 or 1 (rounded in single precision) finite.
        logits = probabilities.logit(eps=1e-6)
        return self.expectation(logits, bag_of_cell, image_targets).to(probabilities.dtype)
