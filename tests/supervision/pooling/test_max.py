from __future__ import annotations

import torch

from hpa.supervision.pooling.max import MaxPool
from tests.supervision.pooling.bags import bags_of


def test_the_surest_cell_of_each_class_speaks_and_is_taught():
    logits = torch.tensor([[1.0, -2.0], [-1.0, 3.0], [9.0, 9.0]], requires_grad=True)
    pooled = bags_of(logits, [0, 0, 1]).pooled(MaxPool())
    assert pooled.tolist() == [[1, 3], [9, 9]]
    pooled[0].sum().backward()
    assert logits.grad.tolist() == [[1, 0], [0, 1], [0, 0]]
