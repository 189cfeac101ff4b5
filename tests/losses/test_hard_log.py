from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.hard_log import HardLogLoss
from tests.losses.loss_rows import logits_and_targets


@given(logits_and_targets())
def test_with_all_negatives_it_is_binary_cross_entropy(drawn):
    assert torch.allclose(HardLogLoss(0, 1.0, 1.0)(*drawn), BinaryCrossEntropyLoss(None, None)(*drawn))


@given(
    logits_and_targets(soft=False),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.sampled_from([0.5, 0.75, 1.0]),
)
def test_equals_a_loop_over_sorted_negatives(drawn, min_negatives, min_share, max_share):
    logits, targets = drawn
    total = 0.0
    for column, truth in zip(logits.T.tolist(), targets.T.tolist(), strict=True):
        positives = [x for x, y in zip(column, truth, strict=True) if y == 1]
        negatives = sorted((x for x, y in zip(column, truth, strict=True) if y == 0), reverse=True)
        wanted = len(positives) + max(min_negatives, math.floor(min_share * len(negatives)))
        kept = negatives[: min(wanted, math.floor(max_share * len(negatives)) + min_negatives)]
        costs = [math.log1p(math.exp(-x)) for x in positives] + [math.log1p(math.exp(x)) for x in kept]
        total += sum(costs) / max(len(costs), 1)
    loss = HardLogLoss(min_negatives, min_share, max_share)(logits, targets)
    assert float(loss) == pytest.approx(total / logits.shape[1], rel=1e-6, abs=1e-9)


def test_easy_negatives_have_no_gradient():
    logits = torch.tensor([[2.0], [1.0], [-3.0], [-4.0]], requires_grad=True)
    HardLogLoss(0, 0.5, 0.5)(logits, torch.zeros(4, 1)).backward()
    assert (logits.grad[:2] > 0).all()
    assert not logits.grad[2:].any()
