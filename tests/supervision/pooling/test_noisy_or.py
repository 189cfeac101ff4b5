from __future__ import annotations

from decimal import Decimal, getcontext

import pytest
import torch
from hypothesis import given

from hpa.supervision.pooling.noisy_or import NoisyOrPool
from tests.supervision.pooling.bags import bags, bags_of


def exact(logits: list[float]) -> float:
    """Write the logit out in 150 digits."""
    getcontext().prec = 150
    none = Decimal(1)
    for logit in logits:
        none /= 1 + Decimal(logit).exp()
    return float(((1 - none) / none).ln())


@given(bags())
def test_at_least_the_surest_and_at_most_the_sum(drawn):
    pooled = drawn.pooled(NoisyOrPool())
    for bag in range(drawn.count):
        logits = drawn.alone(bag).output.logits
        assert (pooled[bag] >= logits.amax(0) - 1e-9).all()
        assert (pooled[bag].sigmoid() <= logits.sigmoid().sum(0).clamp(max=1) + 1e-12).all()


@given(bags(limit=100.0))
def test_equals_many_digits(drawn):
    pooled = drawn.pooled(NoisyOrPool())
    for bag in range(drawn.count):
        for k, column in enumerate(drawn.alone(bag).output.logits.T.tolist()):
            assert float(pooled[bag, k]) == pytest.approx(exact(column), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("logit", [-100.0, -50.0, -15.0, -5.0, 0.0, 20.0, 100.0])
def test_a_hundred_alike_cells_in_single_precision(logit):
    pooled = bags_of(torch.full((100, 1), logit), [0] * 100).pooled(NoisyOrPool())
    assert float(pooled) == pytest.approx(exact([logit] * 100), rel=1e-5)


def test_every_cell_is_taught():
    logits = torch.tensor([[2.0], [-3.0], [-8.0]], requires_grad=True)
    bags_of(logits, [0, 0, 0]).pooled(NoisyOrPool()).sum().backward()
    assert (logits.grad > 0).all()
