"""What all losses of pixels guarantee, tested on each file of conf/loss that takes any number of planes."""

from __future__ import annotations

import pytest
import torch

from hpa.interfaces import PixelLoss
from tests.roles import assert_fills

SHAPE = (2, 3, 8, 9)


def drawn(dtype=torch.float32):
    generator = torch.Generator().manual_seed(7)
    noise = torch.randn(SHAPE, generator=generator, dtype=dtype)
    return noise, torch.rand(SHAPE, generator=generator, dtype=dtype).round()


def test_plays_the_role(of_planes):
    assert_fills(of_planes, PixelLoss)


def test_better_logits_cost_less(of_planes):
    noise, targets = drawn()
    costs = [float(of_planes(noise + sureness * (2 * targets - 1), targets)) for sureness in (-1.0, 0.0, 1.0, 2.0)]
    assert costs == sorted(costs, reverse=True)


def test_surely_right_costs_nothing(of_planes):
    _, targets = drawn()
    assert float(of_planes(200 * targets - 100, targets)) == pytest.approx(0, abs=1e-6)


def test_gradient_is_the_derivative(of_planes):
    noise, targets = drawn(torch.float64)
    assert torch.autograd.gradcheck(
        lambda values: of_planes(values, targets[:, :, :2, :3]), noise[:, :, :2, :3].requires_grad_()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_extreme_logits_give_finite_losses_and_gradients(of_planes, dtype, target):
    logits = torch.tensor([-1000.0, 1000.0, 0.0, 20.0]).repeat(8).view(1, 2, 4, 4).to(dtype).requires_grad_()
    loss = of_planes(logits, torch.full((1, 2, 4, 4), target))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_a_large_tile_in_half_precision_does_not_overflow(of_planes):
    logits = torch.full((1, 1, 512, 512), 3.0, dtype=torch.float16)
    assert torch.isfinite(of_planes(logits, torch.ones(1, 1, 512, 512)))


def test_no_images_cost_nothing_and_keep_the_graph(of_planes):
    logits = torch.zeros(0, 2, 4, 4, requires_grad=True)
    loss = of_planes(logits, torch.zeros(0, 2, 4, 4))
    loss.backward()
    assert loss.item() == 0


def test_the_memory_layout_does_not_matter(of_planes):
    noise, targets = drawn()
    expected = of_planes(noise, targets)
    assert torch.allclose(of_planes(noise.contiguous(memory_format=torch.channels_last), targets), expected)
