from __future__ import annotations

from functools import partial

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.direct import DirectSupervision
from hpa.supervision.mixed import MixedSupervision
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

KNOWN, WEAK = DirectSupervision, partial(PropagationSupervision, smoothing=0.0)


def test_cells_are_learned_from_few_true_classes_and_many_labels():
    model = tiny_model()
    losses = train(shipped("supervision=mixed", model), model, [toy_batch(seed, known=0.1) for seed in range(30)])
    assert losses[-1] < 0.7 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_it_is_the_weighted_terms_of_its_parts_from_one_look():
    model, batch = tiny_model().eval(), toy_batch(0, known=0.5)
    looks = []
    handle = model.register_forward_hook(lambda *_: looks.append(1))
    mixed = MixedSupervision(plain_loss(), {"known": KNOWN, "weak": WEAK}, {"known": 2.0, "weak": 0.5})
    terms = mixed.terms(model, batch, 0.0)
    handle.remove()
    assert len(looks) == 1
    assert torch.allclose(terms["known_cells"], 2 * KNOWN(plain_loss()).terms(model, batch, 0.0)["cells"])
    assert torch.allclose(terms["weak_cells"], 0.5 * WEAK(plain_loss()).terms(model, batch, 0.0)["cells"])


def test_images_are_kept_whole_where_a_part_needs_them():
    assert MixedSupervision(plain_loss(), {"weak": WEAK}, {"weak": 1.0}).unit == "cell"
    assert shipped("supervision=mixed supervision@supervision.parts.weak=dual", tiny_model()).unit == "image"


def test_parts_however_deep_get_the_network():
    model = tiny_model()
    nested = "supervision/pooling@supervision.parts.weak.pooling=attention"
    mixed = shipped(f"supervision=mixed supervision@supervision.parts.weak=multiple_instance {nested}", model)
    names = [name for name, _ in mixed.named_parameters()]
    assert "parts.weak.pooling.score.0.weight" in names
    losses = train(mixed, model, [toy_batch(seed, known=0.3) for seed in range(3)])
    assert all(loss == loss for loss in losses)


def test_a_teacher_inside_follows_the_network_itself():
    model = tiny_model().train()
    mixed = shipped("supervision=mixed supervision@supervision.parts.weak=consistency", model)
    mixed.terms(model, toy_batch(0), 0.0)
    teacher = mixed.parts["weak"].teacher
    assert int(teacher.n_averaged) == 1
    assert torch.equal(teacher.module.head.classifier.bias, model.head.classifier.bias)


@pytest.mark.parametrize(
    "weights", [{"known": 1.0}, {"known": 1.0, "weak": -1.0}, {"known": float("nan"), "weak": 1.0}]
)
def test_weights_that_do_not_fit_are_told(weights):
    with pytest.raises(InputError, match=r"supervision\.weights"):
        MixedSupervision(plain_loss(), {"known": KNOWN, "weak": WEAK}, weights)
