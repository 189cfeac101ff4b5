from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.focal import FocalLoss
from hpa.losses.sum import SumLoss
from tests.losses.conftest import composed
from tests.losses.loss_rows import logits_and_targets

PLAIN, FOCAL = BinaryCrossEntropyLoss(None, None), FocalLoss(2.0, None, None)


@pytest.mark.slow
@given(logits_and_targets(), st.floats(0.1, 10), st.floats(0.1, 10))
def test_it_is_the_weighted_sum(drawn, first, second):
    loss = SumLoss({"plain": PLAIN, "focal": FOCAL}, {"plain": first, "focal": second})
    assert torch.allclose(loss(*drawn), first * PLAIN(*drawn) + second * FOCAL(*drawn))


def test_a_part_of_no_weight_is_not_computed():
    loss = SumLoss({"plain": PLAIN, "focal": FOCAL}, {"plain": 1.0, "focal": 0.0})
    assert list(loss.parts) == ["plain"]


def test_as_shipped_it_is_the_winners():
    loss = composed("sum")
    assert loss.weights == {"focal": 0.5, "symmetric_lovasz": 0.5, "hard_log": 0.5}


def test_element_weights_reach_every_part():
    logits, targets, weights = torch.randn(6, 3), torch.ones(6, 3), torch.rand(6, 3)
    loss = SumLoss({"plain": PLAIN, "focal": FOCAL}, {"plain": 1.0, "focal": 1.0})
    expected = PLAIN(logits, targets, weights) + FOCAL(logits, targets, weights)
    assert torch.allclose(loss(logits, targets, weights), expected)


def test_losses_of_pixels_are_added_too():
    logits, targets = torch.randn(2, 1, 5, 5), torch.ones(2, 1, 5, 5)
    expected = composed("per_pixel")(logits, targets) + composed("dice")(logits, targets)
    assert torch.allclose(composed("pixel_sum")(logits, targets), expected)
