from __future__ import annotations

import pytest
import torch
from hypothesis import given

from hpa.core.errors import InputError
from hpa.supervision.attach import attach_to
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior
from hpa.supervision.selection.expectation import ExpectationSelection
from hpa.supervision.teacher.out_of_fold import OutOfFoldTeacher
from tests.supervision.selection.told_cells import told_cells
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, tiny_model, toy_batch, train


@given(told=told_cells())
def test_each_image_is_asked_alone(told):
    probabilities, copied, image_of_cell = told
    beliefs = ExpectationSelection(0.1, 0.02)(*told)
    for image in image_of_cell.unique():
        mine = image_of_cell == image
        alone = NoisyOrPosterior(0.1, 0.02)(
            probabilities[mine].logit(eps=1e-6), torch.zeros(int(mine.sum()), dtype=torch.int64), copied[mine][:1]
        )
        assert torch.allclose(beliefs[mine], alone, atol=1e-6)


def test_a_told_class_comes_from_the_likeliest_cell_and_an_untold_one_from_few():
    probabilities = torch.tensor([[0.2, 0.8], [0.01, 0.8], [0.01, 0.01]])
    copied = torch.tensor([[1.0, 0.0]] * 3)
    beliefs = ExpectationSelection(0.05, 0.002)(probabilities, copied, torch.tensor([7, 7, 7]))
    assert beliefs[0, 0] > 0.8
    assert beliefs[1:, 0].max() < 0.1
    assert beliefs[:, 1].max() < 0.6


def test_labels_missed_as_often_as_not_leave_the_teacher_its_word():
    probabilities = torch.tensor([[0.9], [0.3]])
    beliefs = ExpectationSelection(0.999, 0.001)(probabilities, torch.zeros(2, 1), torch.tensor([0, 0]))
    assert torch.allclose(beliefs, probabilities, atol=1e-2)


def test_a_moving_average_so_asked_teaches_cells():
    model = tiny_model()
    words = "supervision=pseudo_label supervision/selection=expectation supervision.label_weight=0.0"
    supervision = shipped(f"{words} supervision.unlabeled_weight=1.0 supervision.teacher.decay=0.9", model)
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_rates_of_other_classes_are_told():
    teacher = OutOfFoldTeacher(ExpectationSelection([0.1, 0.1], 0.1), ["somewhere"])
    with pytest.raises(InputError, match="false_negative_rate holds 2 numbers"):
        attach_to(teacher, tiny_model())


def test_a_rate_out_of_range_is_told():
    with pytest.raises(InputError, match="false_negative_rate must lie"):
        ExpectationSelection(0.0, 0.1)
