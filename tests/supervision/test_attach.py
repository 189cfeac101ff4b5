from __future__ import annotations

import pytest
import torch
from torch import nn

from hpa.interfaces import Attachable, CellModel
from hpa.supervision.attach import attach_to
from hpa.supervision.dual import DualSupervision
from hpa.supervision.pooling.attention import AttentionPool
from hpa.supervision.pooling.max import MaxPool
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import plain_loss, tiny_model, toy_batch, train


def test_a_network_says_how_wide_it_is():
    model = tiny_model()
    assert isinstance(model, CellModel)
    output = model.eval()(toy_batch(0))
    assert output.features.shape[1] == model.feature_count
    assert output.logits.shape[1] == model.class_count


def test_only_parts_that_ask_for_the_network_get_it():
    assert isinstance(AttentionPool(4), Attachable)
    assert not isinstance(MaxPool(), Attachable)
    attach_to(DualSupervision(plain_loss(), MaxPool(), 0.1), tiny_model())


def test_a_part_inside_a_strategy_is_completed_once():
    calls = []

    class Part(nn.Module):
        def attach(self, model):
            calls.append(model)
            self.inner = nn.Linear(1, 1)

    model = tiny_model()
    attach_to(nn.Sequential(nn.Sequential(Part()), nn.Identity()), model)
    assert calls == [model]


@pytest.mark.parametrize(
    "choices",
    [
        "supervision=multiple_instance supervision/pooling=transformer",
        "supervision=consistency",
        "supervision=forward_correction",
        "supervision=mixed supervision@supervision.parts.weak=consistency",
    ],
)
def test_a_resumed_strategy_goes_on_as_if_it_had_never_stopped(choices):
    batches = [toy_batch(seed, images=3) for seed in range(4)]

    def parts():
        model = tiny_model().train()
        return model, shipped(choices, model)

    def steps(model, strategy, taught):
        torch.manual_seed(1)
        return train(strategy, model, taught)

    model, strategy = parts()
    steps(model, strategy, batches[:2])
    resumed_model, resumed = parts()
    resumed_model.load_state_dict(model.state_dict())
    resumed.load_state_dict(strategy.state_dict())
    assert steps(resumed_model, resumed, batches[2:]) == steps(model, strategy, batches[2:])
