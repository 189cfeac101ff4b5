"""A cell is taught a label of its image as far as a teacher believes that this cell shows it: pseudo-labels.

The image says which classes there are, the teacher which cells show them: the target is their product. Where labels of
images miss classes, a teacher may be heard a little on the others too (Lee, 2013, "Pseudo-Label"; the student trained
anew on what a teacher says: Xie, Luong, Hovy and Le, 2020, arXiv:1911.04252). The third, fifth and seventh team of the
2021 competition learned so; the seventh reports .531, .554 and .566 (public) after none, one and two rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, Loss, Selection, Unit


@runtime_checkable
class Teacher(Protocol):
    """Says how far labels of images are to be believed of single cells (`supervision/teacher=`)."""

    unit: Unit

    def beliefs(self, model: nn.Module, batch: CellBatch, progress: float) -> Float[Tensor, "cell class"]:
        """Return beliefs in [0, 1], without gradients."""


class PseudoLabelSupervision(nn.Module):
    """Loss between cell logits and labels of the image, each as far as it is believed of the cell.

    Args:
        loss: Compares logits with targets.
        teacher: Makes the teacher, given the selection.
        selection: Says which cells are believed, given a teacher's probabilities.
        label_weight: Share of the target that is the label as it is, in [0, 1]; 1 is propagation.
        unlabeled_weight: Share of the pseudo-label that counts where the image lacks the label, in [0, 1]; 0 trusts
            that images have the labels of all that their cells show.

    Raises:
        InputError: If a weight is out of its range.
    """

    def __init__(
        self,
        loss: Loss,
        teacher: Callable[..., Teacher],
        selection: Selection,
        label_weight: float,
        unlabeled_weight: float,
    ) -> None:
        super().__init__()
        for name, weight in (("label_weight", label_weight), ("unlabeled_weight", unlabeled_weight)):
            if not 0 <= weight <= 1:
                raise InputError(f"supervision.{name} must lie in [0, 1], not {weight}.")
        self.loss = loss
        self.teacher = cast("nn.Module", teacher(selection=selection))
        self.label_weight = label_weight
        self.unlabeled_weight = unlabeled_weight

    @property
    def unit(self) -> Unit:
        """As the teacher needs it."""
        return cast("Teacher", self.teacher).unit

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `cells`."""
        beliefs = cast("Teacher", self.teacher).beliefs(model, batch, progress)
        label = batch.image_targets[batch.image_of_cell]
        if_told = self.label_weight + (1 - self.label_weight) * beliefs
        if_untold = self.unlabeled_weight * beliefs
        return {"cells": self.loss(model(batch).logits, label * if_told + (1 - label) * if_untold)}
