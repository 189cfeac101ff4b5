from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import sigmoid_focal_loss

from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.focal import FocalLoss
from tests.losses.loss_rows import logits_and_targets


@given(logits_and_targets())
def test_without_focusing_it_is_binary_cross_entropy(drawn):
    assert torch.allclose(FocalLoss(0.0, None, None)(*drawn), BinaryCrossEntropyLoss(None, None)(*drawn))


@given(logits_and_targets(soft=False), st.floats(0, 5), st.one_of(st.none(), st.floats(0.01, 0.99)))
def test_equals_torchvision_on_hard_targets(drawn, gamma, alpha):
    logits, targets = drawn
    reference = sigmoid_focal_loss(logits, targets, alpha=-1 if alpha is None else alpha, gamma=gamma, reduction="mean")
    assert torch.allclose(FocalLoss(gamma, alpha, None)(logits, targets), reference, atol=1e-9)


@given(logits_and_targets(), st.floats(0.1, 5))
def test_focusing_never_adds(drawn, gamma):
    assert FocalLoss(gamma, None, None)(*drawn) <= BinaryCrossEntropyLoss(None, None)(*drawn) + 1e-9


@given(logits_and_targets(), st.floats(0, 3))
def test_a_soft_target_is_the_expected_loss(drawn, gamma):
    logits, targets = drawn
    loss = FocalLoss(gamma, 0.25, None)
    ones, zeros = torch.ones_like(logits), torch.zeros_like(logits)
    expected = loss(logits, ones, targets) + loss(logits, zeros, 1 - targets)
    assert torch.allclose(loss(logits, targets), expected)
