from __future__ import annotations

import pytest
import torch

from hpa.core.errors import InputError
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


@pytest.mark.parametrize("numbers", [(0.0, 0.1, 0.5), (0.1, 1.0, 0.5), (0.1, 0.1, 1.5), (0.1, [0.1, 2.0], 0.5)])
def test_numbers_out_of_range_are_told(numbers):
    with pytest.raises(InputError, match="must lie"):
        ExpectationMaximisationSupervision(plain_loss(), *numbers)
