from __future__ import annotations

from decimal import Decimal, getcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.supervision.pools import LogSumExpPool, MaxPool, MeanPool, NoisyOrPool, TopKPool
from tests.supervision.bags import bags, bags_of


def test_max_the_most_confident_cell_of_each_class_counts_and_gets_the_gradient():
    logits = torch.tensor([[1.0, -2.0], [-1.0, 3.0], [9.0, 9.0]], requires_grad=True)
    pooled = bags_of(logits, [0, 0, 1]).pooled(MaxPool())
    assert pooled.tolist() == [[1, 3], [9, 9]]
    pooled[0].sum().backward()
    assert logits.grad.tolist() == [[1, 0], [0, 1], [0, 0]]


@given(bags())
def test_mean_it_is_the_mean_of_each_bag(drawn):
    pooled = drawn.pooled(MeanPool())
    for bag in range(drawn.count):
        assert torch.allclose(pooled[bag], drawn.alone(bag).output.logits.mean(0))


@given(bags(), st.integers(1, 8))
def test_top_k_equals_sorting_each_bag(drawn, k):
    pooled = drawn.pooled(TopKPool(k))
    for bag in range(drawn.count):
        for column, value in zip(drawn.alone(bag).output.logits.T.tolist(), pooled[bag].tolist(), strict=True):
            chosen = sorted(column, reverse=True)[:k]
            assert value == pytest.approx(sum(chosen) / len(chosen))


@given(bags())
def test_top_k_between_maximum_and_mean(drawn):
    assert torch.equal(drawn.pooled(TopKPool(1)), drawn.pooled(MaxPool()))
    assert torch.allclose(drawn.pooled(TopKPool(6)), drawn.pooled(MeanPool()))


@given(bags())
def test_log_sum_exp_between_mean_and_maximum(drawn):
    assert torch.allclose(drawn.pooled(LogSumExpPool(1e-5)), drawn.pooled(MeanPool()), atol=1e-2)
    assert torch.allclose(drawn.pooled(LogSumExpPool(1e4)), drawn.pooled(MaxPool()), atol=1e-3)


@given(bags(limit=5.0), st.floats(0.1, 10))
def test_log_sum_exp_it_is_the_formula_written_out(drawn, sharpness):
    pooled = drawn.pooled(LogSumExpPool(sharpness))
    for bag in range(drawn.count):
        logits = drawn.alone(bag).output.logits
        assert torch.allclose(pooled[bag], (sharpness * logits).exp().mean(0).log() / sharpness)


def exact(logits: list[float]) -> float:
    """Compute the logit in 150 digits."""
    getcontext().prec = 150
    none = Decimal(1)
    for logit in logits:
        none /= 1 + Decimal(logit).exp()
    return float(((1 - none) / none).ln())


@given(bags())
def test_noisy_or_at_least_the_most_confident_and_at_most_the_sum(drawn):
    pooled = drawn.pooled(NoisyOrPool())
    for bag in range(drawn.count):
        logits = drawn.alone(bag).output.logits
        assert (pooled[bag] >= logits.amax(0) - 1e-9).all()
        assert (pooled[bag].sigmoid() <= logits.sigmoid().sum(0).clamp(max=1) + 1e-12).all()


@given(bags(limit=100.0))
def test_noisy_or_equals_many_digits(drawn):
    pooled = drawn.pooled(NoisyOrPool())
    for bag in range(drawn.count):
        for k, column in enumerate(drawn.alone(bag).output.logits.T.tolist()):
            assert float(pooled[bag, k]) == pytest.approx(exact(column), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("logit", [-100.0, -50.0, -15.0, -5.0, 0.0, 20.0, 100.0])
def test_noisy_or_a_hundred_equal_cells_in_single_precision(logit):
    pooled = bags_of(torch.full((100, 1), logit), [0] * 100).pooled(NoisyOrPool())
    assert float(pooled) == pytest.approx(exact([logit] * 100), rel=1e-5)


def test_noisy_or_every_cell_gets_a_gradient():
    logits = torch.tensor([[2.0], [-3.0], [-8.0]], requires_grad=True)
    bags_of(logits, [0, 0, 0]).pooled(NoisyOrPool()).sum().backward()
    assert (logits.grad > 0).all()
