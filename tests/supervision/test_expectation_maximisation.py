from __future__ import annotations

import torch

from hpa.supervision.expectation_maximisation import ExpectationMaximisationSupervision
from hpa.supervision.multiple_instance import MultipleInstanceSupervision
from hpa.supervision.pools import NoisyOrPool
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
    cells = ExpectationMaximisationSupervision(plain_loss(), 1e-7, 1e-7, 0.0, tiny_model())
    bags = MultipleInstanceSupervision(plain_loss(), NoisyOrPool())
    gradients = []
    for supervision, term, rows in ((cells, "cells", 36), (bags, "bag", 6)):
        model = tiny_model().eval()
        (rows * supervision.step(model, toy_batch(0, images=6), 1.0).terms[term]).backward()  # sums, not means
        gradients.append(model.head.classifier.weight.grad)
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-4)


def test_it_starts_as_propagation():
    model, batch = tiny_model().eval(), toy_batch(0)
    terms = ExpectationMaximisationSupervision(plain_loss(), 0.05, 0.05, 0.5, model).step(model, batch, 0.0).terms
    plain = PropagationSupervision(plain_loss(), 0.0).step(model, batch, 0.0).terms
    assert torch.allclose(terms["cells"], plain["cells"])
