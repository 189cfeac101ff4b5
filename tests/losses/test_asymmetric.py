from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.losses.asymmetric import AsymmetricLoss
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.focal import FocalLoss
from tests.losses.loss_rows import logits_and_targets


@given(logits_and_targets())
def test_at_neutral_numbers_it_is_binary_cross_entropy(drawn):
    assert torch.allclose(AsymmetricLoss(0.0, 0.0, 0.0, None)(*drawn), BinaryCrossEntropyLoss(None, None)(*drawn))


@given(logits_and_targets(), st.floats(1, 4))
def test_with_equal_focusing_and_no_margin_it_is_focal_loss(drawn, gamma):
    focal = FocalLoss(gamma, None, None)(*drawn)
    assert torch.allclose(AsymmetricLoss(gamma, gamma, 0.0, None)(*drawn), focal, atol=1e-7)


@given(logits_and_targets(soft=False), st.floats(0, 4), st.floats(0, 4), st.floats(0.01, 0.5))
def test_equals_the_paper_written_out_in_numbers(drawn, gamma_positive, gamma_negative, margin):
    logits, targets = drawn
    total = 0.0
    for logit, target in zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        if target == 1:
            # 1 - p by its own formula: the difference of floats is 0 for a sure p.
            total -= (1 / (1 + math.exp(logit))) ** gamma_positive * math.log(p)
        elif p > margin:
            total -= (p - margin) ** gamma_negative * math.log(1 - (p - margin))
    loss = AsymmetricLoss(gamma_positive, gamma_negative, margin, None)(logits, targets)
    assert float(loss) == pytest.approx(total / logits.numel(), rel=1e-6, abs=1e-7)


def test_easy_negatives_cost_nothing_and_have_no_gradient():
    logits = torch.tensor([[-3.0, -8.0]], requires_grad=True)
    loss = AsymmetricLoss(0.0, 4.0, 0.05, None)(logits, torch.zeros(1, 2))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
