from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.special import expit
from sklearn.metrics import log_loss, mean_absolute_error

from hpa.core.errors import InputError
from hpa.interfaces import PixelLoss
from hpa.losses.distance import DistanceLoss
from tests.losses.conftest import composed
from tests.losses.loss_planes import planes_of_logits_and_targets
from tests.roles import assert_fills

SHIPPED = composed("distance")


def test_plays_the_role():
    assert_fills(SHIPPED, PixelLoss)


@given(planes_of_logits_and_targets(planes=2))
def test_is_cross_entropy_and_absolute_error_inside(drawn):
    logits, targets = drawn
    targets[:, 1] *= 0.6
    inside, depth = targets[:, 0].numpy().ravel(), targets[:, 1].numpy().ravel()
    predicted = expit(logits.numpy())
    probability, predicted_depth = predicted[:, 0].ravel(), predicted[:, 1].ravel()
    entropy = log_loss(inside, np.stack([1 - probability, probability], axis=1), labels=[0, 1])
    here = inside > 0
    error = mean_absolute_error(depth[here], predicted_depth[here]) if here.any() else 0.0
    assert float(DistanceLoss(1.0, 0.0)(logits, targets)) == pytest.approx(entropy, rel=1e-6)
    assert float(DistanceLoss(0.0, 1.0)(logits, targets)) == pytest.approx(error, rel=1e-6)
    assert float(DistanceLoss(0.5, 3.0)(logits, targets)) == pytest.approx(entropy / 2 + 3 * error, rel=1e-6)


def test_the_background_trains_no_depth():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    SHIPPED(logits, torch.zeros(1, 2, 4, 4)).backward()
    assert not logits.grad[:, 1].any()
    assert logits.grad[:, 0].all()


def test_gradient_is_the_derivative():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(1, 2, 3, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    targets = torch.rand(1, 2, 3, 3, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda values: SHIPPED(values, targets), logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_give_finite_losses_and_gradients(dtype):
    logits = torch.tensor([-1000.0, 1000.0, 0.0, 20.0]).repeat(4).view(1, 2, 2, 4).to(dtype).requires_grad_()
    loss = SHIPPED(logits, torch.ones(1, 2, 2, 4))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_no_images_cost_nothing():
    assert SHIPPED(torch.zeros(0, 2, 4, 4), torch.zeros(0, 2, 4, 4)).item() == 0


def test_other_planes_are_refused():
    with pytest.raises(InputError, match="model/target=distance"):
        SHIPPED(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2))
