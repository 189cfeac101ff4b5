from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

from hpa.core.errors import InputError
from hpa.supervision.consistency import ConsistencySupervision
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def attached(decay: float = 0.8, **values):
    model = tiny_model()
    settings = {"agreement_weight": 1.0, "ramp_up": 0.5, "gain": 0.2} | values
    supervision = ConsistencySupervision(plain_loss(), decay, **settings)
    supervision.attach(model)
    return supervision, model


@pytest.mark.slow
def test_cells_are_learned_and_the_teacher_follows():
    supervision, model = attached()
    untaught = cell_average_precision(supervision.teacher)
    losses = train(supervision, model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.9
    assert cell_average_precision(supervision.teacher) > untaught + 0.3


def test_the_teacher_is_the_moving_average():
    supervision, model = attached(decay=0.75)
    supervision.terms(model, toy_batch(0), 0.0)
    first = model.head.classifier.bias.detach().clone()
    with torch.no_grad():
        model.head.classifier.bias += 1
    supervision.terms(model, toy_batch(0), 0.0)
    assert torch.allclose(supervision.teacher.module.head.classifier.bias, first + 0.25)


def test_outside_training_nothing_moves_and_the_first_look_is_at_the_cells_as_they_are():
    supervision, model = attached()
    before = {name: value.clone() for name, value in supervision.state_dict().items()}
    seen = []
    model.register_forward_hook(lambda module, given, output: seen.append(given[0]))
    batch = toy_batch(0)
    values = [supervision.terms(model.eval(), batch, 1.0) for _ in range(2)]
    assert seen[0] is batch
    assert all(torch.equal(values[0][name], values[1][name]) for name in values[0])
    assert all(torch.equal(before[name], value) for name, value in supervision.state_dict().items())


def test_at_the_start_it_is_propagation():
    supervision, model = attached()
    terms = supervision.terms(model.eval(), toy_batch(0), 0.0)
    assert terms["agreement"] == 0
    plain = PropagationSupervision(plain_loss(), 0.0).terms(model, toy_batch(0), 0.0)
    assert torch.allclose(terms["cells"], plain["cells"])


def test_the_teacher_is_saved_and_not_trained():
    taught, model = attached()
    train(taught, model, [toy_batch(seed) for seed in range(2)])
    assert not any(parameter.requires_grad for parameter in taught.parameters())
    fresh, _ = attached()
    fresh.load_state_dict(taught.state_dict())
    batch = next(iter(DataLoader([toy_batch(7)], batch_size=None)))
    assert torch.equal(fresh.teacher.eval()(batch).logits, taught.teacher.eval()(batch).logits)


@pytest.mark.parametrize(
    "wrong",
    [{"decay": 1.0}, {"agreement_weight": -1.0}, {"ramp_up": 0.0}, {"gain": 1.0}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_numbers_out_of_range_are_told(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        attached(**wrong)


def test_as_shipped_it_runs():
    model = tiny_model()
    terms = shipped("supervision=consistency", model).terms(model, toy_batch(0), 0.5)
    assert terms.keys() == {"cells", "agreement"}
