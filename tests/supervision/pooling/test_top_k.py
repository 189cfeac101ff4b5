from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.pooling.max import MaxPool
from hpa.supervision.pooling.mean import MeanPool
from hpa.supervision.pooling.top_k import TopKPool
from tests.supervision.pooling.bags import bags


@given(bags(), st.integers(1, 8))
def test_equals_sorting_each_bag(drawn, k):
    pooled = drawn.pooled(TopKPool(k))
    for bag in range(drawn.count):
        for column, value in zip(drawn.alone(bag).output.logits.T.tolist(), pooled[bag].tolist(), strict=True):
            chosen = sorted(column, reverse=True)[:k]
            assert value == pytest.approx(sum(chosen) / len(chosen))


@given(bags())
def test_between_maximum_and_mean(drawn):
    assert torch.equal(drawn.pooled(TopKPool(1)), drawn.pooled(MaxPool()))
    assert torch.allclose(drawn.pooled(TopKPool(6)), drawn.pooled(MeanPool()))


def test_no_cell_at_all_is_told():
    with pytest.raises(InputError, match="k must be 1 or more"):
        TopKPool(0)
