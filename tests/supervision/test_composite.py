from __future__ import annotations

import pytest
import torch

from hpa.interfaces import StepResult, Supervision
from hpa.supervision.composite import MixedSupervision, WarmStartedSupervision
from hpa.supervision.direct import DirectSupervision
from hpa.supervision.multiple_instance import MultipleInstanceSupervision
from hpa.supervision.pools import MaxPool
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

KNOWN, COPIED = DirectSupervision(plain_loss()), PropagationSupervision(plain_loss(), 0.0)
BAG = MultipleInstanceSupervision(plain_loss(), MaxPool())


def test_mixed_cells_are_learned_from_few_true_classes_and_many_labels():
    model = tiny_model()
    losses = train(shipped("supervision=mixed", model), model, [toy_batch(seed, known=0.1) for seed in range(30)])
    assert losses[-1] < 0.7 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_mixed_terms_are_those_of_its_parts_weighted_from_one_forward_pass():
    model, batch = tiny_model().eval(), toy_batch(0, known=0.5)
    passes = []
    handle = model.register_forward_hook(lambda *_: passes.append(1))
    mixed = MixedSupervision({"known": KNOWN, "weak": COPIED}, {"known": 2.0, "weak": 0.5})
    result = mixed.step(model, batch, 0.0)
    terms = result.terms
    handle.remove()
    assert len(passes) == 1
    assert torch.equal(result.output.logits, model(batch).logits)
    assert torch.allclose(terms["known_cells"], 2 * KNOWN.step(model, batch, 0.0).terms["cells"])
    assert torch.allclose(terms["weak_cells"], 0.5 * COPIED.step(model, batch, 0.0).terms["cells"])


def test_mixed_images_are_kept_whole_where_a_part_needs_them():
    assert MixedSupervision({"weak": COPIED}, {"weak": 1.0}).unit == "cell"
    assert shipped("supervision=mixed supervision@supervision.parts.weak=dual", tiny_model()).unit == "image"


def test_mixed_parts_however_deep_get_the_network():
    model = tiny_model()
    nested = "supervision/pooling@supervision.parts.weak.pooling=attention"
    mixed = shipped(f"supervision=mixed supervision@supervision.parts.weak=multiple_instance {nested}", model)
    names = [name for name, _ in mixed.named_parameters()]
    assert "parts.weak.pooling.score.0.weight" in names
    losses = train(mixed, model, [toy_batch(seed, known=0.3) for seed in range(3)])
    assert all(loss == loss for loss in losses)


def test_mixed_a_teacher_inside_follows_the_network_itself():
    model = tiny_model().train()
    mixed = shipped("supervision=mixed supervision@supervision.parts.weak=consistency", model)
    mixed.step(model, toy_batch(0), 0.0)
    teacher = mixed.parts["weak"].teacher
    assert int(teacher.n_averaged) == 1
    assert torch.equal(teacher.module.head.classifier.bias, model.head.classifier.bias)


MAX_POOL = "supervision/pooling@supervision.then.pooling=max"


def test_warm_started_each_has_its_part_of_the_training():
    model, batch = tiny_model().eval(), toy_batch(0)
    supervision = WarmStartedSupervision(COPIED, BAG, 0.25)
    copied, bag = (part.step(model, batch, 0.0).terms for part in (COPIED, BAG))
    for progress, expected in {0.0: copied, 0.249: copied, 0.25: bag, 1.0: bag}.items():
        terms = supervision.step(model, batch, progress).terms
        assert terms.keys() == expected.keys()
        assert all(torch.allclose(terms[name], value) for name, value in expected.items())


@pytest.mark.parametrize(("progress", "own"), [(0.0, 0.0), (0.2, 0.5), (0.4, 0.0), (0.7, 0.5), (1.0, 1.0)])
def test_warm_started_to_each_its_own_progress(progress, own):
    class Clock(torch.nn.Module, Supervision):
        def step(self, model, batch, progress):
            return StepResult({"cells": torch.tensor(progress)}, model(batch))

    model = tiny_model().eval()
    terms = WarmStartedSupervision(Clock(), Clock(), 0.4).step(model, toy_batch(0), progress).terms
    assert terms["cells"] == pytest.approx(own)


def test_warm_started_images_are_kept_whole_where_either_needs_them():
    assert WarmStartedSupervision(COPIED, BAG, 0.5).unit == "image"
    assert WarmStartedSupervision(COPIED, KNOWN, 0.5).unit == "cell"


def test_warm_started_bags_are_kept_together_from_where_they_are_needed():
    assert WarmStartedSupervision(COPIED, BAG, 0.3).image_batches_from == 0.3
    assert WarmStartedSupervision(BAG, COPIED, 0.3).image_batches_from == 0.0


def test_warm_started_cells_are_learned_though_the_bag_ends_the_training():
    model = tiny_model()
    losses = train(shipped(f"supervision=warm_started {MAX_POOL}", model), model, [toy_batch(k) for k in range(40)])
    assert losses[19] < losses[0]
    assert cell_average_precision(model) > 0.9


def test_warm_started_a_learned_pool_gets_the_network():
    model = tiny_model()
    pool = "supervision/pooling@supervision.then.pooling=attention"
    supervision = shipped(f"supervision=warm_started {pool}", model)
    assert "then.pooling.score.0.weight" in dict(supervision.named_parameters())
    assert all(loss == loss for loss in train(supervision, model, [toy_batch(seed) for seed in range(3)]))
