from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

from hpa.supervision.consistency import ConsistencySupervision
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def built(decay: float = 0.8, **values):
    model = tiny_model()
    settings = {"agreement_weight": 1.0, "ramp_up": 0.5, "gain": 0.2} | values
    supervision = ConsistencySupervision(plain_loss(), decay, **settings, model=model)
    return supervision, model


@pytest.mark.slow
def test_cells_are_learned_and_the_teacher_follows():
    supervision, model = built()
    untrained = cell_average_precision(supervision.teacher)
    losses = train(supervision, model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.9
    assert cell_average_precision(supervision.teacher) > untrained + 0.3


def test_the_teacher_is_the_moving_average():
    supervision, model = built(decay=0.75)
    supervision.step(model, toy_batch(0), 0.0)
    first = model.head.classifier.bias.detach().clone()
    with torch.no_grad():
        model.head.classifier.bias += 1
    supervision.step(model, toy_batch(0), 0.0)
    assert torch.allclose(supervision.teacher.module.head.classifier.bias, first + 0.25)


def test_outside_training_nothing_moves_and_the_cells_as_they_are_give_the_output():
    supervision, model = built()
    before = {name: value.clone() for name, value in supervision.state_dict().items()}
    seen = []
    model.register_forward_hook(lambda module, given, output: seen.append(given[0]))
    batch = toy_batch(0)
    results = [supervision.step(model.eval(), batch, 1.0) for _ in range(2)]
    values = [result.terms for result in results]
    assert seen[0] is batch
    assert torch.equal(results[0].output.logits, model(batch).logits)
    assert all(torch.equal(values[0][name], values[1][name]) for name in values[0])
    assert all(torch.equal(before[name], value) for name, value in supervision.state_dict().items())


def test_at_the_start_it_is_propagation():
    supervision, model = built()
    terms = supervision.step(model.eval(), toy_batch(0), 0.0).terms
    assert terms["agreement"] == 0
    plain = PropagationSupervision(plain_loss(), 0.0).step(model, toy_batch(0), 0.0).terms
    assert torch.allclose(terms["cells"], plain["cells"])


def test_the_teacher_is_saved_and_not_trained():
    trained, model = built()
    train(trained, model, [toy_batch(seed) for seed in range(2)])
    assert not any(parameter.requires_grad for parameter in trained.parameters())
    fresh, _ = built()
    fresh.load_state_dict(trained.state_dict())
    batch = next(iter(DataLoader([toy_batch(7)], batch_size=None)))
    assert torch.equal(fresh.teacher.eval()(batch).logits, trained.teacher.eval()(batch).logits)


def test_as_shipped_it_runs():
    model = tiny_model()
    terms = shipped("supervision=consistency", model).step(model, toy_batch(0), 0.5).terms
    assert terms.keys() == {"cells", "agreement"}
