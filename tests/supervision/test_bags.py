from __future__ import annotations

import torch
from hypothesis import given

from hpa.supervision.bags import bag_log_sum_exp, bag_softmax
from tests.supervision.bags import bags


@given(bags(limit=1000.0))
def test_log_sum_exp_and_softmax_equal_those_of_torch(drawn):
    logits, bag_of_cell = drawn.output.logits, drawn.bag_of_cell
    total = bag_log_sum_exp(logits, bag_of_cell, drawn.count)
    weights = bag_softmax(logits, bag_of_cell, drawn.count)
    for bag in range(drawn.count):
        rows = bag_of_cell == bag
        assert torch.allclose(total[bag], logits[rows].logsumexp(0))
        assert torch.allclose(weights[rows], logits[rows].softmax(0))
