from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa.supervision.large_loss import LargeLossSupervision
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=large_loss", model), model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_at_the_start_it_is_propagation():
    model, batch = tiny_model().eval(), toy_batch(0)
    plain = PropagationSupervision(plain_loss(), 0.0).step(model, batch, 0.0).terms["cells"]
    assert torch.allclose(LargeLossSupervision(plain_loss(), 0.5).step(model, batch, 0.0).terms["cells"], plain)


@pytest.mark.parametrize("progress", [0.25, 0.5, 1.0])
def test_equals_a_loop_that_sorts_the_losses_of_each_class(progress):
    model, batch = tiny_model().eval(), toy_batch(3)
    logits = model(batch).logits
    targets = batch.image_targets[batch.image_of_cell]
    losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
    for k in range(targets.shape[1]):
        positives = [cell for cell in range(len(batch)) if targets[cell, k] == 1]
        largest = sorted(positives, key=lambda cell, k=k: -float(losses[cell, k].detach()))
        losses[largest[: int(0.4 * progress * len(positives))], k] = 0
    terms = LargeLossSupervision(plain_loss(), 0.4).step(model, batch, progress).terms
    assert torch.allclose(terms["cells"], losses.mean())
