from __future__ import annotations

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.supervision.attach import attach_to
from hpa.supervision.forward_correction import ForwardCorrectionSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import CLASSES, cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=forward_correction", model), model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.9 * losses[0]
    assert cell_average_precision(model) > 0.9


@pytest.mark.parametrize("elsewhere", [0.2, [0.1, 0.2, 0.3, 0.4]])
def test_equals_the_mixture_of_probabilities(elsewhere):
    model, batch = tiny_model().eval(), toy_batch(0)
    p = model(batch).logits.sigmoid()
    told = p * 0.9 + (1 - p) * torch.tensor(elsewhere)
    targets = batch.image_targets[batch.image_of_cell]
    expected = -(targets * told.log() + (1 - targets) * (1 - told).log()).mean()
    supervision = ForwardCorrectionSupervision(plain_loss(), 0.9, elsewhere, False)
    assert torch.allclose(supervision.terms(model, batch, 0.0)["cells"], expected)


class KnowingModel(nn.Module):
    """Knows what cells show."""

    feature_count, class_count = 1, CLASSES

    def forward(self, batch):
        return CellOutput(torch.zeros(len(batch), 1), 20 * (2 * batch.cell_targets - 1))


def test_how_often_a_class_is_told_where_it_is_not_shown_is_learned():
    supervision = ForwardCorrectionSupervision(plain_loss(), 0.99, 0.05, True)
    attach_to(supervision, KnowingModel())
    train(supervision, KnowingModel(), [toy_batch(seed, images=20) for seed in range(60)], learning_rate=0.1)
    # Two draws of four classes tell a class to 7 of 16 images, and 4 of 16 cells show it: 3 of the other 12 are told.
    assert torch.allclose(supervision.elsewhere_log_odds.sigmoid(), torch.full((CLASSES,), 0.25), atol=0.06)
    assert set(supervision.state_dict()) == {"elsewhere_log_odds"}


def test_fixed_rates_are_settings():
    supervision = ForwardCorrectionSupervision(plain_loss(), 0.95, 0.1, False)
    attach_to(supervision, tiny_model())
    assert not supervision.state_dict()
    assert not list(supervision.parameters())


class SureModel(nn.Module):
    """Says the same number of every cell and class."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, batch):
        return CellOutput(torch.zeros(len(batch), 1), self.logit.expand(len(batch), CLASSES))


@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_sure_cells_give_finite_losses_and_gradients(logit):
    model = SureModel(logit)
    loss = ForwardCorrectionSupervision(plain_loss(), 0.95, 0.05, False).terms(model, toy_batch(0), 0.0)["cells"]
    loss.backward()
    assert 0 < loss < 3
    assert torch.isfinite(model.logit.grad)


@pytest.mark.parametrize("rates", [(0.0, 0.1), (0.9, 1.0), (0.9, [0.1, -0.1]), (0.9, [])])
def test_rates_out_of_range_are_told(rates):
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        ForwardCorrectionSupervision(plain_loss(), *rates, True)


def test_rates_of_other_classes_are_told():
    with pytest.raises(InputError, match=f"told_elsewhere holds 3 numbers, the model has {CLASSES} classes"):
        attach_to(ForwardCorrectionSupervision(plain_loss(), 0.9, [0.1, 0.2, 0.3], True), tiny_model())
