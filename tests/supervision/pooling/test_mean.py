from __future__ import annotations

import torch
from hypothesis import given

from hpa.supervision.pooling.mean import MeanPool
from tests.supervision.pooling.bags import bags


@given(bags())
def test_it_is_the_mean_of_each_bag(drawn):
    pooled = drawn.pooled(MeanPool())
    for bag in range(drawn.count):
        assert torch.allclose(pooled[bag], drawn.alone(bag).output.logits.mean(0))
