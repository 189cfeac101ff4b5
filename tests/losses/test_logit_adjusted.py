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


def test_a_picture_that_tells_nothing_is_best_met_by_a_logit_of_zero():
    # Of a class of 10 in 100 the best constant logit is its log odds; adjusted, that of the evidence: none.
    targets = torch.zeros(100, 1)
    targets[:10] = 1
    constants = torch.linspace(-4, 4, 161)
    losses = [float(LogitAdjustedLoss(PLAIN, [10], 100, 1.0)(x.expand(100, 1), targets)) for x in constants]
    assert float(constants[losses.index(min(losses))]) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("counts", "total", "temperature", "told"),
    [([5, 10], 10, 1.0, "total"), ([0, 1], 10, 1.0, "counts"), ([1, 1], 10, -1.0, "temperature")],
)
def test_numbers_out_of_range_are_told(counts, total, temperature, told):
    with pytest.raises(InputError, match=rf"loss\.{told}"):
        LogitAdjustedLoss(PLAIN, counts, total, temperature)


def test_counts_of_other_classes_are_told():
    with pytest.raises(InputError, match="counts holds 2 numbers, the model has 3 classes"):
        LogitAdjustedLoss(PLAIN, [1, 2], 10, 1.0)(torch.zeros(1, 3), torch.zeros(1, 3))
