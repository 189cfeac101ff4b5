from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hpa.core.errors import InputError
from hpa.supervision.attach import attach_to
from hpa.supervision.expectation_maximisation import ExpectationMaximisationSupervision
from hpa.supervision.multiple_instance import MultipleInstanceSupervision
from hpa.supervision.pooling.noisy_or import NoisyOrPool
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    supervision = shipped("supervision=expectation_maximisation", model)
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.9


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
    supervision = ExpectationMaximisationSupervision(nn.Identity(), missed, spurious, 0.0)
    expected = supervision.expectation(
        torch.tensor(logits)[:, None], torch.zeros(len(logits), dtype=torch.int64), torch.tensor([[told]])
    )
    assert expected[:, 0].tolist() == pytest.approx([value / total for value in shown], rel=1e-3, abs=1e-5)


def test_without_noise_its_gradient_is_that_of_noisy_or():
    # Fisher's identity: the gradient of the expected complete likelihood is that of the marginal one.
    cells = ExpectationMaximisationSupervision(plain_loss(), 1e-7, 1e-7, 0.0)
    bags = MultipleInstanceSupervision(plain_loss(), NoisyOrPool())
    gradients = []
    for supervision, term, rows in ((cells, "cells", 36), (bags, "bag", 6)):
        model = tiny_model().eval()
        (rows * supervision.terms(model, toy_batch(0, images=6), 1.0)[term]).backward()  # sums, not means
        gradients.append(model.head.classifier.weight.grad)
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-4)


def test_it_starts_as_propagation():
    model, batch = tiny_model().eval(), toy_batch(0)
    terms = ExpectationMaximisationSupervision(plain_loss(), 0.05, 0.05, 0.5).terms(model, batch, 0.0)
    plain = PropagationSupervision(plain_loss(), 0.0).terms(model, batch, 0.0)
    assert torch.allclose(terms["cells"], plain["cells"])


@pytest.mark.parametrize("logit", [-100.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_sure_cells_give_finite_expectations(logit, dtype):
    supervision = ExpectationMaximisationSupervision(nn.Identity(), 0.05, 0.05, 0.0)
    cells = torch.full((4, 1), logit, dtype=dtype)
    expected = supervision.expectation(cells, torch.tensor([0, 0, 1, 1]), torch.tensor([[0.0], [1.0]]))
    assert torch.allclose(expected, torch.full((4, 1), float(logit > 0)), atol=1e-6)


@pytest.mark.parametrize("numbers", [(0.0, 0.1, 0.5), (0.1, 1.0, 0.5), (0.1, 0.1, 1.5), (0.1, [0.1, 2.0], 0.5)])
def test_numbers_out_of_range_are_told(numbers):
    with pytest.raises(InputError, match="must lie"):
        ExpectationMaximisationSupervision(plain_loss(), *numbers)


def test_rates_of_other_classes_are_told():
    with pytest.raises(InputError, match="missed_rate holds 2 numbers"):
        attach_to(ExpectationMaximisationSupervision(plain_loss(), [0.1, 0.1], 0.1, 0.0), tiny_model())
