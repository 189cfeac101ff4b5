from __future__ import annotations

import pytest
import torch
from hypothesis import given
from sklearn.metrics import log_loss

from hpa.core.errors import InputError
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from tests.losses.loss_rows import logits_and_targets


@given(logits_and_targets(soft=False))
def test_equals_the_log_loss_of_scikit_learn(drawn):
    logits, targets = drawn
    both = torch.stack([(-logits).sigmoid(), logits.sigmoid()], dim=-1).reshape(-1, 2)
    reference = log_loss(targets.flatten().numpy(), both.numpy(), labels=[0.0, 1.0])
    assert float(BinaryCrossEntropyLoss(None, None)(logits, targets)) == pytest.approx(reference, rel=1e-6, abs=1e-9)


def test_positive_weights_multiply_positives_alone():
    logits = torch.tensor([[0.3, -0.7], [1.1, 0.2]])
    plain, weighted = BinaryCrossEntropyLoss(None, None), BinaryCrossEntropyLoss(None, [4.0, 4.0])
    assert torch.allclose(weighted(logits, torch.ones(2, 2)), 4 * plain(logits, torch.ones(2, 2)))
    assert torch.allclose(weighted(logits, torch.zeros(2, 2)), plain(logits, torch.zeros(2, 2)))


def test_a_soft_target_is_best_met_by_its_own_probability():
    probabilities = torch.linspace(0.01, 0.99, 99)[:, None]
    losses = [BinaryCrossEntropyLoss(None, None)(p.logit()[None], torch.tensor([[0.3]])) for p in probabilities]
    assert float(probabilities[torch.stack(losses).argmin()]) == pytest.approx(0.3, abs=0.006)


def test_wrong_positive_weights_are_refused():
    with pytest.raises(InputError, match="positive_weights holds 1 numbers, the model has 2"):
        BinaryCrossEntropyLoss(None, [1.0])(torch.zeros(1, 2), torch.zeros(1, 2))
