from __future__ import annotations

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.dual import DualSupervision
from hpa.supervision.multiple_instance import MultipleInstanceSupervision
from hpa.supervision.pooling.max import MaxPool
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


@pytest.mark.slow
def test_cells_are_learned_from_bags_and_a_weak_word_to_each():
    model = tiny_model()
    losses = train(shipped("supervision=dual", model), model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.8


def test_its_terms_are_those_of_its_two_halves():
    model, batch = tiny_model().eval(), toy_batch(0)
    terms = DualSupervision(plain_loss(), MaxPool(), 0.3).terms(model, batch, 0.0)
    bag = MultipleInstanceSupervision(plain_loss(), MaxPool()).terms(model, batch, 0.0)["bag"]
    cells = PropagationSupervision(plain_loss(), 0.0).terms(model, batch, 0.0)["cells"]
    assert torch.allclose(terms["bag"], bag)
    assert torch.allclose(terms["cells"], 0.3 * cells)


def test_a_negative_weight_is_told():
    with pytest.raises(InputError, match="cell_weight must be 0 or more"):
        DualSupervision(plain_loss(), MaxPool(), -0.1)


def test_images_are_kept_whole():
    assert DualSupervision(plain_loss(), MaxPool(), 0.1).unit == "image"
