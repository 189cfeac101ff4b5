"""The noisy-or model of image labels, and its posterior: what cells show, given the labels of their image.

Some cell shows a class or none does; the image's label agrees, up to false negatives and false positives. The posterior
of a cell sums over all combinations of the other cells, in closed form (Papandreou, Chen, Murphy and Yuille, 2015,
arXiv:1502.02734, for labels of images and their regions).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from hpa.core.errors import InputError
from hpa.supervision.bags import bag_max, bag_sum, to_float32


class NoisyOrPosterior(nn.Module):
    """Posterior probability that each cell shows each class.

    Args:
        false_negative_rate: Probability that an image lacks the label of a class that a cell shows, in (0, 1).
        false_positive_rate: Probability that an image has the label of a class that no cell shows, in (0, 1). One
            number or one a class, like the first.
        class_count: Number of classes.

    Raises:
        InputError: If a rate is out of its range, or there are neither one nor as many as classes.
    """

    false_negative_rate: Tensor
    false_positive_rate: Tensor

    def __init__(
        self,
        false_negative_rate: float | Sequence[float],
        false_positive_rate: float | Sequence[float],
        class_count: int,
    ) -> None:
        super().__init__()
        rates = {"false_negative_rate": false_negative_rate, "false_positive_rate": false_positive_rate}
        for name, values in rates.items():
            self.register_buffer(name, class_rates(name, values, class_count), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
        image_targets: Float[Tensor, "image class"],
    ) -> Float[Tensor, "cell class"]:
        """Return the probability that each cell shows each class, given all cells and the labels of their image."""
        yes, no = logsigmoid(to_float32(logits)), logsigmoid(-to_float32(logits))
        log_none = bag_sum(no, image_of_cell, len(image_targets))
        # Some cell is at least as probable as the most probable one: finite where all are too improbable to be summed.
        log_some = (-torch.expm1(log_none)).log().maximum(bag_max(yes, image_of_cell, len(image_targets)))
        false_negative, false_positive = self.false_negative_rate, self.false_positive_rate
        labeled = torch.logaddexp((1 - false_negative).log() + log_some, false_positive.log() + log_none)
        unlabeled = torch.logaddexp(false_negative.log() + log_some, (1 - false_positive).log() + log_none)
        # A cell that shows the class makes "some cell does" certain; what is left is whether the image has the label.
        if_labeled = (yes + (1 - false_negative).log() - labeled[image_of_cell]).exp()
        if_unlabeled = (yes + false_negative.log() - unlabeled[image_of_cell]).exp()
        label = image_targets[image_of_cell]
        return (label * if_labeled + (1 - label) * if_unlabeled).clamp(0, 1)


def class_rates(name: str, values: float | Sequence[float], class_count: int) -> Float[Tensor, " class_or_one"]:
    """Return rates of label noise, one number or one a class, as a row that broadcasts over classes.

    Args:
        name: Key below `supervision`, for messages.
        values: In (0, 1).
        class_count: Number of classes.

    Raises:
        InputError: If a rate does not lie in (0, 1), or there are several, but not one a class.
    """
    row = [float(value) for value in (values if isinstance(values, Sequence) else [values])]
    if not row or not all(0 < value < 1 for value in row):
        raise InputError(f"supervision.{name} must lie between 0 and 1 (one number, or one a class), not {values}.")
    if len(row) not in (1, class_count):
        raise InputError(
            f"supervision.{name} holds {len(row)} numbers, the model has {class_count} classes; "
            f"give one number, or {class_count} in the order of the classes."
        )
    return torch.tensor(row)
