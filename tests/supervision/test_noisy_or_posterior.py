from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior, class_rates


@given(
    st.lists(st.floats(-6, 6), min_size=1, max_size=5),
    st.sampled_from([0.0, 1.0]),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
)
def test_the_posterior_equals_the_sum_over_all_combinations(logits, label, false_negative, false_positive):
    chances = [float(torch.tensor(logit).sigmoid()) for logit in logits]
    total, shown = 0.0, [0.0] * len(logits)
    for combination in product([0, 1], repeat=len(logits)):
        weight = 1.0
        for cell, shows in enumerate(combination):
            weight *= chances[cell] if shows else 1 - chances[cell]
        chance = 1 - false_negative if any(combination) else false_positive
        weight *= chance if label else 1 - chance
        total += weight
        shown = [value + weight * shows for value, shows in zip(shown, combination, strict=True)]
    expected = NoisyOrPosterior(false_negative, false_positive, 1)(
        torch.tensor(logits)[:, None], torch.zeros(len(logits), dtype=torch.int64), torch.tensor([[label]])
    )
    assert expected[:, 0].tolist() == pytest.approx([value / total for value in shown], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("logit", [-100.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_confident_cells_give_finite_posteriors(logit, dtype):
    cells = torch.full((4, 1), logit, dtype=dtype)
    expected = NoisyOrPosterior(0.05, 0.05, 1)(cells, torch.tensor([0, 0, 1, 1]), torch.tensor([[0.0], [1.0]]))
    assert torch.allclose(expected, torch.full((4, 1), float(logit > 0)), atol=1e-6)


def test_rates_of_other_classes_are_refused():
    with pytest.raises(InputError, match="false_negative_rate holds 2 numbers"):
        NoisyOrPosterior([0.1, 0.1], 0.1, 4)


def test_one_number_serves_all_classes_and_one_a_class_each():
    assert class_rates("false_negative_rate", 0.25, 19).tolist() == [0.25]
    assert class_rates("false_negative_rate", [0.25, 0.5], 2).tolist() == [0.25, 0.5]
