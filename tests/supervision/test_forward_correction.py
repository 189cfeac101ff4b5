from __future__ import annotations

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.supervision.forward_correction import ForwardCorrectionSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import CLASSES, cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=forward_correction", model), model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.9 * losses[0]
    assert cell_average_precision(model) > 0.9


@pytest.mark.parametrize("not_shown", [0.2, [0.1, 0.2, 0.3, 0.4]])
def test_equals_the_mixture_of_probabilities(not_shown):
    model, batch = tiny_model().eval(), toy_batch(0)
    p = model(batch).logits.sigmoid()
    labeled = p * 0.9 + (1 - p) * torch.tensor(not_shown)
    targets = batch.image_targets[batch.image_of_cell]
    expected = -(targets * labeled.log() + (1 - targets) * (1 - labeled).log()).mean()
    supervision = ForwardCorrectionSupervision(plain_loss(), 0.9, not_shown, False, model)
    assert torch.allclose(supervision.step(model, batch, 0.0).terms["cells"], expected)


class KnowingModel(nn.Module):
    """Predicts the true classes."""

    feature_count, class_count = 1, CLASSES

    def forward(self, batch):
        return CellOutput(torch.zeros(len(batch), 1), 20 * (2 * batch.cell_targets - 1))


def test_how_often_images_have_the_label_of_a_class_not_shown_is_learned():
    supervision = ForwardCorrectionSupervision(plain_loss(), 0.99, 0.05, True, KnowingModel())
    train(supervision, KnowingModel(), [toy_batch(seed, images=20) for seed in range(60)], learning_rate=0.1)
    # With two draws of four classes 7 of 16 images have a label, and 4 of 16 cells show it: 3 of the other 12 have it.
    assert torch.allclose(supervision.not_shown_log_odds.sigmoid(), torch.full((CLASSES,), 0.25), atol=0.06)
    assert set(supervision.state_dict()) == {"not_shown_log_odds"}


def test_fixed_rates_are_settings():
    supervision = ForwardCorrectionSupervision(plain_loss(), 0.95, 0.1, False, tiny_model())
    assert not supervision.state_dict()
    assert not list(supervision.parameters())


class ConstantModel(nn.Module):
    """Predicts one number for every cell and class."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, batch):
        return CellOutput(torch.zeros(len(batch), 1), self.logit.expand(len(batch), CLASSES))


@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_confident_cells_give_finite_losses_and_gradients(logit):
    model = ConstantModel(logit)
    loss = (
        ForwardCorrectionSupervision(plain_loss(), 0.95, 0.05, False, tiny_model())
        .step(model, toy_batch(0), 0.0)
        .terms["cells"]
    )
    loss.backward()
    assert 0 < loss < 3
    assert torch.isfinite(model.logit.grad)


def test_rates_of_other_classes_are_refused():
    with pytest.raises(InputError, match=f"label_rate_if_not_shown holds 3 numbers, the model has {CLASSES} classes"):
        ForwardCorrectionSupervision(plain_loss(), 0.9, [0.1, 0.2, 0.3], True, tiny_model())
