from __future__ import annotations

import dataclasses
from functools import partial

import pytest
import torch

from hpa.core.errors import InputError
from hpa.interfaces import HeldOutPredictions
from hpa.supervision.propagation import PropagationSupervision
from hpa.supervision.pseudo_label import AverageTeacher, OutOfFoldTeacher, PseudoLabelSupervision
from hpa.supervision.selection import RankSelection, SoftSelection, ThresholdSelection
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def out_of_fold(batch, predicted, selection) -> OutOfFoldTeacher:
    """Build the teacher from what runs predicted of a batch."""
    held_out = HeldOutPredictions(predicted, batch.image_targets[batch.image_of_cell], batch.image_of_cell)
    return OutOfFoldTeacher(selection, ["somewhere"], lambda _: held_out)


def student(
    batch, predicted, label_weight: float = 0.0, selection=None, unlabeled_weight=0.0
) -> PseudoLabelSupervision:
    teacher = partial(out_of_fold, batch, predicted)
    return PseudoLabelSupervision(
        plain_loss(), teacher, selection or SoftSelection(1.0), label_weight, unlabeled_weight
    )


def test_as_shipped_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=pseudo_label", model), model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_a_student_learns_from_runs_that_predict_the_cells_well():
    batch = toy_batch(0, images=40)
    supervision, model = student(batch, 0.1 + 0.8 * batch.cell_targets), tiny_model().train()
    losses = train(supervision, model, [batch] * 30)
    assert losses[-1] < losses[0]
    assert cell_average_precision(model) > 0.9


def test_the_target_is_pseudo_label_times_label():
    batch, model = toy_batch(1), tiny_model().eval()
    predicted = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(1)) * 0.98 + 0.01
    target = predicted * batch.image_targets[batch.image_of_cell]
    expected = plain_loss()(model(batch).logits, target)
    assert torch.allclose(student(batch, predicted).step(model, batch, 0.3).terms["cells"], expected)


def test_without_weight_the_pseudo_label_of_a_missing_label_does_not_count():
    batch, model = toy_batch(2), tiny_model().eval()
    confident, unsure = torch.full((2, len(batch), 4), 0.5).unbind()
    confident = torch.where(batch.image_targets[batch.image_of_cell] > 0, unsure, torch.tensor(0.99))
    values = [student(batch, predicted).step(model, batch, 0.0).terms["cells"] for predicted in (confident, unsure)]
    assert torch.equal(*values)


def test_where_labels_miss_classes_a_share_of_the_pseudo_label_counts():
    batch, model = toy_batch(2), tiny_model().eval()
    predicted = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(1)) * 0.98 + 0.01
    label = batch.image_targets[batch.image_of_cell]
    target = label * (0.2 + 0.8 * predicted) + (1 - label) * 0.25 * predicted
    cost = student(batch, predicted, 0.2, unlabeled_weight=0.25).step(model, batch, 0.0).terms["cells"]
    assert torch.allclose(cost, plain_loss()(model(batch).logits, target))


def test_cells_that_no_teacher_predicted_get_the_labels_alone():
    batch, model = toy_batch(2), tiny_model().eval()
    plain = PropagationSupervision(plain_loss(), 0.0).step(model, batch, 0.0).terms["cells"]
    without = student(batch, torch.full((len(batch), 4), torch.nan), 0.2, unlabeled_weight=0.5)
    assert torch.allclose(without.step(model, batch, 0.0).terms["cells"], plain)


def test_with_full_weight_on_the_label_it_is_propagation():
    batch, model = toy_batch(3), tiny_model().eval()
    plain = PropagationSupervision(plain_loss(), 0.0).step(model, batch, 0.0).terms["cells"]
    assert torch.allclose(student(batch, torch.zeros(len(batch), 4), 1.0).step(model, batch, 0.0).terms["cells"], plain)


def test_images_are_kept_whole_only_where_the_average_is_ranked():
    assert student(toy_batch(0), torch.rand(36, 4), selection=RankSelection(0.5)).unit == "cell"
    assert shipped("supervision=pseudo_label", tiny_model()).unit == "cell"
    assert shipped("supervision=pseudo_label supervision/selection=rank", tiny_model()).unit == "image"


def test_selections_can_be_exchanged():
    model = tiny_model()
    supervision = shipped("supervision=pseudo_label supervision/selection=rank", model)
    assert isinstance(supervision.teacher.selection, RankSelection)
    assert torch.isfinite(supervision.step(model, toy_batch(0), 1.0).terms["cells"])


def average(decay: float = 0.8, warm_up: float = 0.5):
    model = tiny_model()
    return AverageTeacher(SoftSelection(1.0), decay, warm_up, model), model


@pytest.mark.slow
def test_average_students_learn_from_their_own_average():
    model = tiny_model()
    teacher = partial(AverageTeacher, decay=0.9, warm_up=0.5, model=model)
    supervision = PseudoLabelSupervision(plain_loss(), teacher, SoftSelection(1.0), 0.3, 0.0)
    losses = train(supervision, model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.9
    assert cell_average_precision(supervision.teacher.average) > 0.5


def test_average_targets_move_from_labels_to_predictions_while_it_warms_up():
    teacher, model = average()
    batch = toy_batch(0)
    predicted = teacher.average.eval()(batch).logits.sigmoid()
    label = batch.image_targets[batch.image_of_cell]
    assert torch.equal(teacher.pseudo_labels(model.eval(), batch, 0.0), label)
    assert torch.allclose(teacher.pseudo_labels(model, batch, 0.25), (label + predicted) / 2, atol=1e-5)
    assert torch.allclose(teacher.pseudo_labels(model, batch, 1.0), predicted, atol=1e-5)
    assert torch.allclose(average(warm_up=0.0)[0].pseudo_labels(model, batch, 0.0), predicted, atol=1e-5)


def test_average_the_average_follows_in_training_only():
    teacher, model = average(decay=0.75)
    teacher.pseudo_labels(model.train(), toy_batch(0), 0.0)
    first = model.head.classifier.bias.detach().clone()
    with torch.no_grad():
        model.head.classifier.bias += 1
    teacher.pseudo_labels(model.eval(), toy_batch(0), 0.0)
    assert torch.equal(teacher.average.module.head.classifier.bias, first)
    teacher.pseudo_labels(model.train(), toy_batch(0), 0.0)
    assert torch.allclose(teacher.average.module.head.classifier.bias, first + 0.25)


def test_out_of_fold_each_cell_of_a_batch_finds_its_row():
    batch = toy_batch(0)
    predicted = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(0))
    teacher = out_of_fold(batch, predicted, ThresholdSelection(0.5))
    assert teacher.runs == ("somewhere",)
    shuffled = dataclasses.replace(batch, cell_id=batch.cell_id.flip(0))
    assert torch.equal(teacher.pseudo_labels(tiny_model(), shuffled, 0.0), (predicted.flip(0) >= 0.5).float())


def test_out_of_fold_cells_without_a_prediction_keep_their_label_and_decide_no_rank():
    batch = toy_batch(0, images=1, cells=3)
    predicted = torch.tensor([[0.1] * 4, [float("nan")] * 4, [0.9] * 4])
    teacher = out_of_fold(batch, predicted, ThresholdSelection(0.5))
    assert teacher.pseudo_labels(tiny_model(), batch, 1.0)[:, 0].tolist() == [0, 1, 1]


def test_out_of_fold_predictions_move_with_the_strategy_but_fill_no_checkpoint():
    batch = toy_batch(0)
    teacher = out_of_fold(batch, torch.rand(len(batch), 4), ThresholdSelection(0.5))
    assert not teacher.state_dict()
    assert "table" in dict(teacher.named_buffers())


@pytest.mark.parametrize("runs", [[], "runs/first"])
def test_out_of_fold_runs_must_be_a_list(runs):
    with pytest.raises(InputError, match="must list run folders"):
        OutOfFoldTeacher(ThresholdSelection(0.5), runs, lambda _: pytest.fail("runs were read"))
