from __future__ import annotations

import pytest
import torch
from hypothesis import given

from hpa.core.errors import InputError
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.logit_adjusted import LogitAdjustedLoss
from tests.losses.loss_rows import logits_and_targets

PLAIN = BinaryCrossEntropyLoss(None, None)


@given(logits_and_targets())
def test_at_temperature_zero_it_is_its_part(drawn):
    loss = LogitAdjustedLoss(PLAIN, [10 * k + 1 for k in range(drawn[0].shape[1])], 100, 0.0)
    assert torch.equal(loss(*drawn), PLAIN(*drawn))


def test_an_uninformative_image_is_best_met_by_a_logit_of_zero():
    # Of a class of 10 in 100 the best constant logit is its log odds; adjusted, that of the evidence: none.
    targets = torch.zeros(100, 1)
    targets[:10] = 1
    constants = torch.linspace(-4, 4, 161)
    losses = [float(LogitAdjustedLoss(PLAIN, [10], 100, 1.0)(x.expand(100, 1), targets)) for x in constants]
    assert float(constants[losses.index(min(losses))]) == pytest.approx(0, abs=0.03)


def test_counts_of_other_classes_are_refused():
    with pytest.raises(InputError, match="counts holds 2 numbers, the model has 3 classes"):
        LogitAdjustedLoss(PLAIN, [1, 2], 10, 1.0)(torch.zeros(1, 3), torch.zeros(1, 3))
