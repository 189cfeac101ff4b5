from __future__ import annotations

from functools import partial

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.direct import DirectSupervision
from hpa.supervision.multiple_instance import MultipleInstanceSupervision
from hpa.supervision.pooling.max import MaxPool
from hpa.supervision.propagation import PropagationSupervision
from hpa.supervision.warm_started import WarmStartedSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

COPIED, BAG = partial(PropagationSupervision, smoothing=0.0), partial(MultipleInstanceSupervision, pooling=MaxPool())
MAX_POOL = "supervision/pooling@supervision.then.pooling=max"


def test_each_has_its_part_of_the_training():
    model, batch = tiny_model().eval(), toy_batch(0)
    supervision = WarmStartedSupervision(plain_loss(), COPIED, BAG, 0.25)
    copied, bag = (make(loss=plain_loss()).terms(model, batch, 0.0) for make in (COPIED, BAG))
    for progress, expected in {0.0: copied, 0.249: copied, 0.25: bag, 1.0: bag}.items():
        terms = supervision.terms(model, batch, progress)
        assert terms.keys() == expected.keys()
        assert all(torch.allclose(terms[name], value) for name, value in expected.items())


@pytest.mark.parametrize(("progress", "own"), [(0.0, 0.0), (0.2, 0.5), (0.4, 0.0), (0.7, 0.5), (1.0, 1.0)])
def test_to_each_its_own_progress(progress, own):
    class Clock(torch.nn.Module):
        unit = "cell"

        def __init__(self, loss):
            super().__init__()

        def terms(self, model, batch, progress):
            return {"cells": torch.tensor(progress)}

    terms = WarmStartedSupervision(plain_loss(), Clock, Clock, 0.4).terms(tiny_model(), toy_batch(0), progress)
    assert terms["cells"] == pytest.approx(own)


def test_images_are_kept_whole_where_either_needs_them():
    assert WarmStartedSupervision(plain_loss(), COPIED, BAG, 0.5).unit == "image"
    assert WarmStartedSupervision(plain_loss(), COPIED, DirectSupervision, 0.5).unit == "cell"


def test_bags_are_kept_together_from_where_they_are_needed():
    assert WarmStartedSupervision(plain_loss(), COPIED, BAG, 0.3).bags_from == 0.3
    assert WarmStartedSupervision(plain_loss(), BAG, COPIED, 0.3).bags_from == 0.0


def test_cells_are_learned_though_the_bag_ends_the_training():
    model = tiny_model()
    losses = train(shipped(f"supervision=warm_started {MAX_POOL}", model), model, [toy_batch(k) for k in range(40)])
    assert losses[19] < losses[0]
    assert cell_average_precision(model) > 0.9


def test_a_learned_pool_gets_the_network():
    model = tiny_model()
    pool = "supervision/pooling@supervision.then.pooling=attention"
    supervision = shipped(f"supervision=warm_started {pool}", model)
    assert "then.pooling.score.0.weight" in dict(supervision.named_parameters())
    assert all(loss == loss for loss in train(supervision, model, [toy_batch(seed) for seed in range(3)]))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_leaves_one_nothing_is_told(share):
    with pytest.raises(InputError, match=r"supervision\.start_share"):
        WarmStartedSupervision(plain_loss(), COPIED, BAG, share)
