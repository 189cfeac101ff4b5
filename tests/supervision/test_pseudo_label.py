from __future__ import annotations

from functools import partial

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.propagation import PropagationSupervision
from hpa.supervision.pseudo_label import PseudoLabelSupervision
from hpa.supervision.selection.rank import RankSelection
from hpa.supervision.selection.soft import SoftSelection
from hpa.supervision.teacher.out_of_fold import OutOfFoldTeacher
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

RUNS = partial(OutOfFoldTeacher, runs=["somewhere"])


def taught(batch, said, label_weight: float = 0.0, selection=None, untold=0.0) -> PseudoLabelSupervision:
    supervision = PseudoLabelSupervision(plain_loss(), RUNS, selection or SoftSelection(1.0), label_weight, untold)
    supervision.teacher.learn(said, batch.image_targets[batch.image_of_cell], batch.image_of_cell)
    return supervision


def test_as_shipped_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=pseudo_label", model), model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_a_student_learns_from_runs_that_know_the_cells():
    batch = toy_batch(0, images=40)
    supervision, model = taught(batch, 0.1 + 0.8 * batch.cell_targets), tiny_model().train()
    losses = train(supervision, model, [batch] * 30)
    assert losses[-1] < losses[0]
    assert cell_average_precision(model) > 0.9


def test_the_target_is_belief_times_label():
    batch, model = toy_batch(1), tiny_model().eval()
    said = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(1)) * 0.98 + 0.01
    target = said * batch.image_targets[batch.image_of_cell]
    expected = plain_loss()(model(batch).logits, target)
    assert torch.allclose(taught(batch, said).terms(model, batch, 0.3)["cells"], expected)


def test_a_class_that_the_image_does_not_show_is_never_taught():
    batch, model = toy_batch(2), tiny_model().eval()
    sure, unsure = torch.full((2, len(batch), 4), 0.5).unbind()
    sure = torch.where(batch.image_targets[batch.image_of_cell] > 0, unsure, torch.tensor(0.99))
    values = [taught(batch, said).terms(model, batch, 0.0)["cells"] for said in (sure, unsure)]
    assert torch.equal(*values)


def test_where_labels_miss_classes_a_share_of_the_belief_counts():
    batch, model = toy_batch(2), tiny_model().eval()
    said = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(1)) * 0.98 + 0.01
    label = batch.image_targets[batch.image_of_cell]
    target = label * (0.2 + 0.8 * said) + (1 - label) * 0.25 * said
    cost = taught(batch, said, 0.2, untold=0.25).terms(model, batch, 0.0)["cells"]
    assert torch.allclose(cost, plain_loss()(model(batch).logits, target))


def test_cells_of_which_no_teacher_speaks_are_told_their_labels_alone():
    batch, model = toy_batch(2), tiny_model().eval()
    plain = PropagationSupervision(plain_loss(), 0.0).terms(model, batch, 0.0)["cells"]
    silent = taught(batch, torch.full((len(batch), 4), torch.nan), 0.2, untold=0.5)
    assert torch.allclose(silent.terms(model, batch, 0.0)["cells"], plain)


def test_with_full_weight_on_the_label_it_is_propagation():
    batch, model = toy_batch(3), tiny_model().eval()
    plain = PropagationSupervision(plain_loss(), 0.0).terms(model, batch, 0.0)["cells"]
    assert torch.allclose(taught(batch, torch.zeros(len(batch), 4), 1.0).terms(model, batch, 0.0)["cells"], plain)


def test_cells_are_kept_with_their_image_only_where_the_average_ranks_them():
    assert taught(toy_batch(0), torch.rand(36, 4), selection=RankSelection(0.5)).unit == "cell"
    assert shipped("supervision=pseudo_label", tiny_model()).unit == "cell"
    assert shipped("supervision=pseudo_label supervision/selection=rank", tiny_model()).unit == "image"


def test_selections_can_be_exchanged():
    model = tiny_model()
    supervision = shipped("supervision=pseudo_label supervision/selection=rank", model)
    assert isinstance(supervision.teacher.selection, RankSelection)
    assert torch.isfinite(supervision.terms(model, toy_batch(0), 1.0)["cells"])


def test_a_weight_out_of_range_is_told():
    with pytest.raises(InputError, match=r"supervision\.label_weight"):
        PseudoLabelSupervision(plain_loss(), RUNS, SoftSelection(1.0), 1.5, 0.0)
    with pytest.raises(InputError, match=r"supervision\.unlabeled_weight"):
        PseudoLabelSupervision(plain_loss(), RUNS, SoftSelection(1.0), 0.5, -0.1)
