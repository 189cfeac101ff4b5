from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.focal import FocalLoss
from hpa.losses.smoothed import SmoothedLoss
from tests.losses.loss_rows import logits_and_targets


@given(logits_and_targets())
def test_without_smoothing_it_is_its_part(drawn):
    part = FocalLoss(2.0, None, None)
    assert torch.equal(SmoothedLoss(part, 0.0)(*drawn), part(*drawn))


@given(logits_and_targets(soft=False), st.floats(0, 0.9))
def test_equals_the_smoothing_of_torch_for_two_outcomes(drawn, smoothing):
    logits, targets = drawn
    both = torch.stack([torch.zeros_like(logits), logits], dim=-1).reshape(-1, 2)
    reference = cross_entropy(both, targets.flatten().long(), label_smoothing=smoothing)
    loss = SmoothedLoss(BinaryCrossEntropyLoss(None, None), smoothing)
    assert torch.allclose(loss(logits, targets), reference)
