from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.attach import attach_to
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior
from tests.supervision.toy_cells import tiny_model


@given(
    st.lists(st.floats(-6, 6), min_size=1, max_size=5),
    st.sampled_from([0.0, 1.0]),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
)
def test_the_expectation_equals_the_sum_over_all_combinations(logits, told, missed, spurious):
    chances = [float(torch.tensor(logit).sigmoid()) for logit in logits]
    total, shown = 0.0, [0.0] * len(logits)
    for combination in product([0, 1], repeat=len(logits)):
        weight = 1.0
        for cell, shows in enumerate(combination):
            weight *= chances[cell] if shows else 1 - chances[cell]
        chance_told = 1 - missed if any(combination) else spurious
        weight *= chance_told if told else 1 - chance_told
        total += weight
        shown = [value + weight * shows for value, shows in zip(shown, combination, strict=True)]
    expected = NoisyOrPosterior(missed, spurious)(
        torch.tensor(logits)[:, None], torch.zeros(len(logits), dtype=torch.int64), torch.tensor([[told]])
    )
    assert expected[:, 0].tolist() == pytest.approx([value / total for value in shown], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("logit", [-100.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_sure_cells_give_finite_expectations(logit, dtype):
    cells = torch.full((4, 1), logit, dtype=dtype)
    expected = NoisyOrPosterior(0.05, 0.05)(cells, torch.tensor([0, 0, 1, 1]), torch.tensor([[0.0], [1.0]]))
    assert torch.allclose(expected, torch.full((4, 1), float(logit > 0)), atol=1e-6)


def test_rates_of_other_classes_are_told():
    with pytest.raises(InputError, match="false_negative_rate holds 2 numbers"):
        attach_to(NoisyOrPosterior([0.1, 0.1], 0.1), tiny_model())
