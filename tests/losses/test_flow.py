from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from hpa.core.errors import InputError
from hpa.interfaces import PixelLoss
from hpa.losses.flow import FlowLoss
from tests.losses.conftest import composed
from tests.roles import assert_fills

PUBLISHED = composed("flow")


def drawn(seed: int, shape: tuple[int, int] = (5, 7)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64)
    targets = torch.rand(2, 3, *shape, generator=generator, dtype=torch.float64)
    targets[:, :2] = 2 * targets[:, :2] - 1
    return logits, targets


def test_plays_the_role():
    assert_fills(PUBLISHED, PixelLoss)


@given(st.integers(0, 1000))
def test_is_half_the_squared_error_and_the_cross_entropy_of_every_pixel(seed):
    logits, targets = drawn(seed)
    predicted, target = logits.numpy(), targets.numpy()
    squares = [(predicted[:, axis] - 5 * target[:, axis]) ** 2 for axis in (0, 1)]
    inside, probability = target[:, 2] > 0.5, expit(predicted[:, 2])
    surprise = -np.log(np.where(inside, probability, 1 - probability))
    assert float(PUBLISHED(logits, targets)) == pytest.approx(np.mean(squares) / 2 + surprise.mean(), rel=1e-6)


def test_equals_that_of_the_package():
    train = pytest.importorskip("cellpose.train", reason='needs pip install "hpa-cells[cellpose]"')
    logits, targets = drawn(3)
    theirs = torch.cat([targets[:, 2:], targets[:, :2]], dim=1)  # inside, dy, dx
    reference = train._loss_fn_seg(theirs, logits, torch.device("cpu"))
    assert torch.allclose(PUBLISHED(logits, targets), reference)


def test_right_flows_and_a_sure_mask_cost_nothing():
    _, targets = drawn(0)
    perfect = torch.cat([5 * targets[:, :2], 200 * (targets[:, 2:] > 0.5).double() - 100], dim=1)
    assert float(PUBLISHED(perfect, targets)) == pytest.approx(0, abs=1e-9)


def test_weights_choose_what_counts():
    logits, targets = drawn(1)
    flow, inside = FlowLoss(1.0, 0.0)(logits, targets), FlowLoss(0.0, 1.0)(logits, targets)
    assert torch.allclose(FlowLoss(0.5, 2.0)(logits, targets), flow / 2 + 2 * inside)


def test_gradient_is_the_derivative():
    logits, targets = drawn(2, (2, 2))
    assert torch.autograd.gradcheck(lambda values: PUBLISHED(values, targets), logits.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_give_finite_losses_and_gradients(dtype):
    logits = torch.tensor([-1000.0, 1000.0, 0.0]).repeat(9).view(1, 3, 3, 3).to(dtype).requires_grad_()
    loss = PUBLISHED(logits, torch.zeros(1, 3, 3, 3))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_other_planes_are_refused():
    with pytest.raises(InputError, match="model/target=flows"):
        PUBLISHED(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4))
