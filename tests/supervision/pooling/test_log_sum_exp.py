from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.pooling.log_sum_exp import LogSumExpPool
from hpa.supervision.pooling.max import MaxPool
from hpa.supervision.pooling.mean import MeanPool
from tests.supervision.pooling.bags import bags


@given(bags())
def test_between_mean_and_maximum(drawn):
    assert torch.allclose(drawn.pooled(LogSumExpPool(1e-5)), drawn.pooled(MeanPool()), atol=1e-2)
    assert torch.allclose(drawn.pooled(LogSumExpPool(1e4)), drawn.pooled(MaxPool()), atol=1e-3)


@given(bags(limit=5.0), st.floats(0.1, 10))
def test_it_is_the_formula_written_out(drawn, sharpness):
    pooled = drawn.pooled(LogSumExpPool(sharpness))
    for bag in range(drawn.count):
        logits = drawn.alone(bag).output.logits
        assert torch.allclose(pooled[bag], (sharpness * logits).exp().mean(0).log() / sharpness)


@pytest.mark.parametrize("sharpness", [0.0, -1.0])
def test_a_sharpness_of_none_is_told(sharpness):
    with pytest.raises(InputError, match="sharpness must be positive"):
        LogSumExpPool(sharpness)
