from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hpa.losses.smooth_average_precision import SmoothAveragePrecisionLoss


@given(st.integers(2, 20), st.integers(0, 1000))
def test_towards_temperature_zero_it_is_average_precision(rows, seed):
    draw = np.random.default_rng(seed)
    logits = draw.permutation(rows).astype(float)[:, None]  # whole numbers, no ties
    targets = (draw.random((rows, 1)) < 0.4).astype(float)
    targets[draw.integers(rows)] = 1
    loss = SmoothAveragePrecisionLoss(0.01)(torch.from_numpy(logits), torch.from_numpy(targets))
    assert float(loss) == pytest.approx(1 - average_precision_score(targets[:, 0], logits[:, 0]), abs=1e-9)


@given(st.integers(1, 10), st.integers(0, 1000), st.floats(0.1, 3))
def test_it_lies_between_none_and_one_and_only_differences_count(rows, seed, temperature):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, 3, dtype=torch.float64, generator=generator)
    targets = torch.rand(rows, 3, dtype=torch.float64, generator=generator)
    loss = SmoothAveragePrecisionLoss(temperature)
    assert 0 <= loss(logits, targets) <= 1
    assert torch.allclose(loss(logits + 7, targets), loss(logits, targets))


def test_an_element_of_weight_two_counts_twice():
    logits = torch.tensor([[0.3], [1.0], [-0.5], [0.1]])
    targets = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    twice = torch.tensor([[1.0], [2.0], [1.0], [1.0]])
    loss = SmoothAveragePrecisionLoss(0.5)
    repeated = torch.tensor([0, 1, 1, 2, 3])
    assert torch.allclose(loss(logits, targets, twice), loss(logits[repeated], targets[repeated]))


def test_classes_without_positives_are_left_out():
    logits, targets = torch.randn(6, 2), torch.zeros(6, 2)
    targets[2, 0] = 1
    loss = SmoothAveragePrecisionLoss(0.5)
    assert torch.equal(loss(logits, targets), loss(logits[:, :1], targets[:, :1]))
