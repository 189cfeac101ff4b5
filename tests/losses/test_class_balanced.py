from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.class_balanced import ClassBalancedLoss
from tests.losses.loss_rows import logits_and_targets

PLAIN = BinaryCrossEntropyLoss(None, None)


@given(logits_and_targets())
def test_with_beta_zero_it_is_its_part(drawn):
    loss = ClassBalancedLoss(PLAIN, [10 * k + 1 for k in range(drawn[0].shape[1])], 0.0)
    assert torch.allclose(loss(*drawn), PLAIN(*drawn))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.floats(0.1, 0.999))
def test_weights_are_inverse_geometric_sums(counts, beta):
    worth = [sum(beta**k for k in range(count)) for count in counts]
    inverse = torch.tensor([1 / value for value in worth])
    weights = ClassBalancedLoss(PLAIN, counts, beta).class_weights
    assert torch.allclose(weights, inverse / inverse.mean(), rtol=1e-4)


def test_weights_multiply_the_elements_of_their_class():
    loss = ClassBalancedLoss(PLAIN, [100, 1], 0.9999)
    logits, targets = torch.randn(4, 2), torch.ones(4, 2)
    rare = float(loss(logits, targets, torch.tensor([[0.0, 1.0]]).expand(4, 2)))
    plain = float(PLAIN(logits, targets, torch.tensor([[0.0, 1.0]]).expand(4, 2)))
    assert rare / plain == pytest.approx(2 * 100 / 101, rel=1e-2)


def test_counts_of_other_classes_are_refused():
    with pytest.raises(InputError, match="counts holds 2 numbers, the model has 3 classes"):
        ClassBalancedLoss(PLAIN, [1, 2], 0.9)(torch.zeros(1, 3), torch.zeros(1, 3))
