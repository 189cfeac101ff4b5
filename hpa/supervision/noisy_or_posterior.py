"""The labels of an image as the noisy union of what its cells show, and Bayes' rule back from them to the cells.

Labels may be wrong both ways: a class that some cell shows is missed, or one that no cell shows is told. What a cell
shows, given the labels, is a sum over all combinations of cells, in closed form. For labels of images and unseen
regions: Papandreou, Chen, Murphy and Yuille, 2015, arXiv:1502.02734.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.interfaces import CellModel
from hpa.supervision.class_rates import rates_of, require_rates
from hpa.supervision.pooling.packed import bag_max, bag_sum, to_float32


class NoisyOrPosterior(nn.Module):
    """How labels of images come from cells.

    Args:
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1).
        false_positive_rate: Probability that an image has the label of a class that no cell shows, in (0, 1). One
            number or one a class, like the first.

    Raises:
        InputError: If a rate is out of its range.
    """

    false_negative_rate: Tensor
    false_positive_rate: Tensor

    def __init__(
        self, false_negative_rate: float | Sequence[float], false_positive_rate: float | Sequence[float]
    ) -> None:
        super().__init__()
        self.register_buffer(
            "false_negative_rate", rates_of("false_negative_rate", false_negative_rate), persistent=False
        )
        self.register_buffer(
            "false_positive_rate", rates_of("false_positive_rate", false_positive_rate), persistent=False
        )

    def attach(self, model: CellModel) -> None:
        """Check that the rates serve the network's classes.

        Raises:
            InputError: If there are neither one nor as many rates as classes.
        """
        require_rates("false_negative_rate", self.false_negative_rate, model.class_count)
        require_rates("false_positive_rate", self.false_positive_rate, model.class_count)

    def forward(
        self,
        logits: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
        image_targets: Float[Tensor, "image class"],
    ) -> Float[Tensor, "cell class"]:
        """Return the probability that each cell shows each class, given all cells and the labels of their image."""
        yes, no = logsigmoid(to_float32(logits)), logsigmoid(-to_float32(logits))
        log_none = bag_sum(no, image_of_cell, len(image_targets))
        # Some cell is at least as probable as the likeliest one: finite where all are too unlikely to be summed.
        log_some = (-torch.expm1(log_none)).log().maximum(bag_max(yes, image_of_cell, len(image_targets)))
        missed, spurious = self.false_negative_rate, self.false_positive_rate
        told = torch.logaddexp((1 - missed).log() + log_some, spurious.log() + log_none)
        untold = torch.logaddexp(missed.log() + log_some, (1 - spurious).log() + log_none)
        # A cell that shows the class makes the union certain; what is left is whether that was told.
        if_told = (yes + (1 - missed).log() - told[image_of_cell]).exp()
        if_untold = (yes + missed.log() - untold[image_of_cell]).exp()
        label = image_targets[image_of_cell]
        return (label * if_told + (1 - label) * if_untold).clamp(0, 1)
