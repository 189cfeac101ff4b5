from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.label_rates import RatePrior, class_rates, given_rates


def test_one_number_serves_all_classes_and_one_a_class_each():
    assert class_rates("false_negative_rate", 0.25, 19).tolist() == [0.25]
    assert class_rates("false_negative_rate", [0.25, 0.5], 2).tolist() == [0.25, 0.5]


def test_one_word_stands_for_estimates():
    assert given_rates("false_negative_rate", "estimated", 2) is None
    assert given_rates("false_negative_rate", [0.1, 0.2], 2).tolist() == pytest.approx([0.1, 0.2])
    with pytest.raises(InputError, match=r"supervision\.false_negative_rate must be estimated"):
        given_rates("false_negative_rate", "guessed", 2)


@given(st.floats(0.01, 0.5), st.floats(1, 100), st.floats(0, 500), st.floats(0, 500))
def test_estimates_lie_between_the_prior_and_what_was_counted(share, images, wrong, right):
    counted = wrong / (wrong + right) if wrong + right else share
    found = float(RatePrior(share, images).estimate(torch.tensor([wrong]), torch.tensor([wrong + right])))
    assert min(share, counted) - 1e-5 <= found <= max(share, counted) + 1e-5


def test_without_images_the_prior_stands():
    assert RatePrior(0.02, 20.0).estimate(torch.zeros(1), torch.zeros(1)).tolist() == pytest.approx([0.02])
