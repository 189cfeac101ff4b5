from __future__ import annotations

from functools import partial

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.pseudo_label import PseudoLabelSupervision
from hpa.supervision.selection.soft import SoftSelection
from hpa.supervision.teacher.average import AverageTeacher
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def attached(decay: float = 0.8, warm_up: float = 0.5):
    model = tiny_model()
    teacher = AverageTeacher(SoftSelection(1.0), decay, warm_up)
    teacher.attach(model)
    return teacher, model


@pytest.mark.slow
def test_students_learn_from_their_own_average():
    model = tiny_model()
    teacher = partial(AverageTeacher, decay=0.9, warm_up=0.5)
    supervision = PseudoLabelSupervision(plain_loss(), teacher, SoftSelection(1.0), 0.3, 0.0)
    supervision.teacher.attach(model)
    losses = train(supervision, model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.9
    assert cell_average_precision(supervision.teacher.average) > 0.5


def test_labels_are_believed_less_the_longer_training_lasts():
    teacher, model = attached()
    batch = toy_batch(0)
    said = teacher.average.eval()(batch).logits.sigmoid()
    label = batch.image_targets[batch.image_of_cell]
    assert torch.equal(teacher.beliefs(model.eval(), batch, 0.0), label)
    assert torch.allclose(teacher.beliefs(model, batch, 0.25), (label + said) / 2, atol=1e-5)
    assert torch.allclose(teacher.beliefs(model, batch, 1.0), said, atol=1e-5)
    assert torch.allclose(attached(warm_up=0.0)[0].beliefs(model, batch, 0.0), said, atol=1e-5)


def test_the_average_follows_in_training_only():
    teacher, model = attached(decay=0.75)
    teacher.beliefs(model.train(), toy_batch(0), 0.0)
    first = model.head.classifier.bias.detach().clone()
    with torch.no_grad():
        model.head.classifier.bias += 1
    teacher.beliefs(model.eval(), toy_batch(0), 0.0)
    assert torch.equal(teacher.average.module.head.classifier.bias, first)
    teacher.beliefs(model.train(), toy_batch(0), 0.0)
    assert torch.allclose(teacher.average.module.head.classifier.bias, first + 0.25)


@pytest.mark.parametrize("wrong", [{"decay": 1.0}, {"warm_up": 1.1}], ids=str)
def test_numbers_out_of_range_are_told(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        AverageTeacher(SoftSelection(1.0), **({"decay": 0.9, "warm_up": 0.3} | wrong))
