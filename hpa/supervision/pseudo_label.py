"""Pseudo-labels: the labels of the image, each as far as a teacher predicts that this cell shows it.

The image gives the classes, the teacher the cells that show them: the target is their product. Where labels of images
miss classes, a share of the teacher's other predictions may count too (Lee, 2013, "Pseudo-Label"; a student trained
anew on its teacher's predictions: Xie, Luong, Hovy and Le, 2020, arXiv:1911.04252). The third, fifth and seventh team
of the 2021 competition trained so; the seventh reports .531, .554 and .566 (public) after none, one and two rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, HeldOutPredictions, Loss, StepResult, Supervision, Unit
from hpa.supervision.consistency import moving_average
from hpa.supervision.selection import Selection


@runtime_checkable
class Teacher(Protocol):
    """Predicts which cells show the labels of their image (`supervision/teacher=`)."""

    unit: Unit
    runs: tuple[str, ...]
    """Folders of the earlier runs that it is made of."""

    def pseudo_labels(self, model: nn.Module, batch: CellBatch, progress: float) -> Float[Tensor, "cell class"]:
        """Return pseudo-labels in [0, 1], without gradients."""


class PseudoLabelSupervision(nn.Module, Supervision):
    """Loss between cell logits and the labels of the image, each weighted by the teacher's pseudo-label of the cell.

    Args:
        loss: Compares logits with targets.
        teacher: Makes the teacher from the selection.
        selection: Turns the teacher's probabilities into pseudo-labels.
        label_weight: Share of the target that is the image's label itself, in [0, 1]; 1 is propagation.
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

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Those of the teacher."""
        return cast("Teacher", self.teacher).runs

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the term `cells`."""
        pseudo_labels = cast("Teacher", self.teacher).pseudo_labels(model, batch, progress)
        label = batch.image_targets[batch.image_of_cell]
        if_labeled = self.label_weight + (1 - self.label_weight) * pseudo_labels
        if_unlabeled = self.unlabeled_weight * pseudo_labels
        output = model(batch)
        return StepResult({"cells": self.loss(output.logits, label * if_labeled + (1 - label) * if_unlabeled)}, output)


class AverageTeacher(nn.Module):
    """The teacher is the moving average of the student itself (Tarvainen and Valpola, 2017, arXiv:1703.01780).

    One training, no earlier run needed; since it starts untrained, its predictions count more and more.

    Args:
        selection: Turns the average's probabilities into pseudo-labels.
        decay: Share of the average that stays in a step, in [0, 1).
        warm_up: Share of training over which targets move from the image's labels to the pseudo-labels, in [0, 1].
        model: The network, which is copied.

    Raises:
        InputError: If a number is out of its range.
    """

    runs: tuple[str, ...] = ()

    def __init__(self, selection: Selection, decay: float, warm_up: float, model: CellModel) -> None:
        super().__init__()
        if not (0 <= decay < 1 and 0 <= warm_up <= 1):
            raise InputError(
                "supervision.teacher: decay must lie in [0, 1) and warm_up in [0, 1]; came "
                f"decay={decay}, warm_up={warm_up}."
            )
        self.selection = selection
        self.warm_up = warm_up
        self.average = moving_average(model, decay)

    @property
    def unit(self) -> Unit:
        """As the selection needs it."""
        return self.selection.unit

    @torch.no_grad()
    def pseudo_labels(self, model: nn.Module, batch: CellBatch, progress: float) -> Float[Tensor, "cell class"]:
        """Move the average towards the model, and return the pseudo-labels of the batch."""
        if model.training:
            self.average.update_parameters(model)
        probabilities = self.average.eval()(batch).logits.float().sigmoid()
        image_labels = batch.image_targets[batch.image_of_cell]
        selected = self.selection(probabilities, image_labels, batch.image_of_cell)
        share = 1.0 if progress >= self.warm_up else progress / self.warm_up
        return image_labels + share * (selected - image_labels)


class OutOfFoldTeacher(nn.Module):
    """The teachers are earlier runs, each on images that it did not train on.

    A network fits the labels it was trained on: on its own training images it repeats the noise that a student should
    be spared (Lee, 2013, "Pseudo-Label"; out of fold as the third team of the 2021 competition). The predictions come
    from `hpa.stages.teachers`, which refuses runs that were trained on an image they would label.

    Args:
        selection: Turns the runs' probabilities into pseudo-labels.
        runs: Folders of finished runs or of whole chains.
        held_out_of: Returns what runs predicted of the cells that they held out.

    Raises:
        InputError: If no run is named.
    """

    unit: Unit = "cell"
    table: Tensor
    """Pseudo-labels of each cell of the data set, by `cell_id`; not saved: a resumed training reads the runs again."""

    def __init__(
        self, selection: Selection, runs: Sequence[str], held_out_of: Callable[[Sequence[str]], HeldOutPredictions]
    ) -> None:
        super().__init__()
        if isinstance(runs, str) or not runs:
            raise InputError(f"supervision.teacher.runs must list run folders, e.g. [runs/first], not {runs!r}.")
        self.runs = tuple(runs)
        found = held_out_of(self.runs)
        predicted = ~found.probabilities.isnan().any(dim=1)
        table = found.image_labels.clone()  # kept where no run predicted the cell
        table[predicted] = selection(
            found.probabilities[predicted], found.image_labels[predicted], found.image_of_cell[predicted]
        )
        self.register_buffer("table", table, persistent=False)

    def pseudo_labels(self, model: nn.Module, batch: CellBatch, progress: float) -> Float[Tensor, "cell class"]:
        """Return the pseudo-labels of the batch."""
        del model, progress
        return self.table[batch.cell_id]
