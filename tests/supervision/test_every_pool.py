"""What holds for all pools, tested on each file of conf/supervision/pooling."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from hpa.interfaces import CellOutput, Pool
from tests.roles import assert_fills
from tests.supervision.bags import CLASSES, FEATURES, Bags, bags, bags_of


def test_plays_the_role(pool):
    assert_fills(pool, Pool)


@settings(max_examples=25)  # for each of eight pools
@given(bags())
def test_packed_bags_are_the_bags_one_by_one(pool, drawn):
    one_by_one = torch.cat([drawn.alone(bag).pooled(pool) for bag in range(drawn.count)])
    assert torch.allclose(drawn.pooled(pool), one_by_one)


@settings(max_examples=25)  # for each of eight pools
@given(bags())
def test_the_order_of_cells_does_not_matter(pool, drawn):
    order = torch.randperm(len(drawn.bag_of_cell), generator=torch.Generator().manual_seed(0))
    output = CellOutput(drawn.output.features[order], drawn.output.logits[order])
    shuffled = Bags(output, drawn.bag_of_cell[order], drawn.count)
    assert torch.allclose(shuffled.pooled(pool), drawn.pooled(pool))


@settings(max_examples=25)  # for each of eight pools
@given(bags())
def test_a_cell_alone_keeps_its_logits(pool, drawn):
    alone = Bags(drawn.output, torch.arange(len(drawn.bag_of_cell)), len(drawn.bag_of_cell))
    assert torch.allclose(alone.pooled(pool), drawn.output.logits)


@settings(max_examples=25)  # for each of eight pools
@given(bags())
def test_convex_pools_stay_between_the_lowest_and_the_highest(convex, drawn):
    pooled = drawn.pooled(convex)
    for bag in range(drawn.count):
        logits = drawn.alone(bag).output.logits
        assert (pooled[bag] >= logits.amin(0) - 1e-9).all()
        assert (pooled[bag] <= logits.amax(0) + 1e-9).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_in_any_precision_give_finite_values_and_gradients(pool, dtype):
    values = torch.tensor([-100.0, 100.0, 0.0, -100.0, -100.0, 100.0, 100.0, -30.0, 30.0])
    logits = values[:, None].expand(-1, CLASSES).to(dtype).requires_grad_()
    drawn = bags_of(logits, [0, 0, 0, 1, 1, 2, 2, 3, 3])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = drawn.pooled(pool.float())
    pooled.sum().backward()
    pool.double()
    assert pooled.dtype == torch.float32
    assert torch.isfinite(pooled).all()
    assert torch.isfinite(logits.grad).all()


def test_gradient_is_the_derivative(pool):
    generator = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(7, CLASSES, dtype=torch.float64, generator=generator)
    features = torch.randn(7, FEATURES, dtype=torch.float64, generator=generator, requires_grad=True)
    bag_of_cell = torch.tensor([0, 1, 0, 2, 1, 1, 1])
    assert torch.autograd.gradcheck(
        lambda features, logits: pool(CellOutput(features, logits), bag_of_cell, 3), (features, logits.requires_grad_())
    )


def test_three_hundred_cells_of_one_image_are_pooled(pool):
    drawn = bags_of(torch.randn(300, CLASSES, dtype=torch.float64), [0] * 300)
    assert torch.isfinite(drawn.pooled(pool)).all()
