"""What all losses guarantee, tested on each file of conf/loss."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from hpa.config import build, plain
from hpa.core.errors import InputError
from hpa.interfaces import Loss
from hpa.losses.asymmetric import AsymmetricLoss
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.focal import FocalLoss
from tests.roles import assert_fills

CONFIGS = Path(__file__).parents[2] / "conf" / "loss"
ALL_WITH_WEIGHTS = [
    lambda weights: BinaryCrossEntropyLoss(weights, None),
    lambda weights: FocalLoss(2.0, None, weights),
    lambda weights: AsymmetricLoss(0.0, 4.0, 0.05, weights),
]
CLASSES = 19  # as many as the shipped counts of images
EXTREMES = torch.tensor([-100.0, 100.0, -100.0, 100.0, 0.0, -20.0, 20.0]).repeat(2 * CLASSES).view(-1, CLASSES)
TARGETS = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.5, 1.0, 0.0]).repeat(2 * CLASSES).view(-1, CLASSES)


def test_plays_the_role(shipped):
    assert_fills(shipped, Loss)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_give_finite_losses_and_gradients(shipped, dtype):
    logits = EXTREMES.clone().to(dtype).requires_grad_()
    loss = shipped(logits, TARGETS)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(
    "loss", [FocalLoss(0.5, 0.25, None), AsymmetricLoss(0.5, 0.5, 0.0, None), AsymmetricLoss(0.3, 0.3, 0.2, None)]
)
def test_focusing_powers_below_one_keep_gradients_finite(loss):
    logits = EXTREMES.clone().requires_grad_()
    loss(logits, TARGETS).backward()
    assert torch.isfinite(logits.grad).all()


def test_a_confident_error_costs_about_the_logit(element_wise):
    wrong = element_wise(torch.tensor([[-100.0, 100.0]]), torch.tensor([[1.0, 0.0]]))
    # The margin bounds what a negative can cost: q is at most 0.95.
    negative = -(0.95**4) * math.log(0.05) if isinstance(element_wise, AsymmetricLoss) else 100.0
    expected = (100.0 + negative) / 2
    assert float(wrong) == pytest.approx(expected, rel=1e-4)


def test_a_confident_hit_costs_nothing(element_wise):
    right = element_wise(torch.tensor([[100.0, -100.0]]), torch.tensor([[1.0, 0.0]]))
    assert float(right) == pytest.approx(0, abs=1e-6)


def test_correctly_ordered_rows_far_apart_cost_nothing(comparing):
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert float(comparing(200 * targets - 100, targets)) == pytest.approx(0, abs=1e-6)


def test_better_logits_cost_less(shipped):
    generator = torch.Generator().manual_seed(5)
    targets = torch.rand(12, CLASSES, generator=generator).round()
    noise = torch.randn(12, CLASSES, generator=generator)
    costs = [float(shipped(noise + confidence * (2 * targets - 1), targets)) for confidence in (-1.0, 0.0, 1.0, 2.0)]
    assert costs == sorted(costs, reverse=True)


def test_gradient_is_the_derivative(shipped):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(3, CLASSES, dtype=torch.float64, generator=generator, requires_grad=True)
    targets = torch.rand(3, CLASSES, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda values: shipped(values, targets), logits)


def test_no_rows_cost_nothing_and_keep_the_graph(shipped):
    logits = torch.zeros(0, CLASSES, requires_grad=True)
    loss = shipped(logits, torch.zeros(0, CLASSES))
    loss.backward()
    assert loss.item() == 0


def test_rows_of_one_target_value_keep_gradients_finite(shipped):
    for value in (0.0, 1.0):
        logits = torch.zeros(5, CLASSES, requires_grad=True)
        loss = shipped(logits, torch.full((5, CLASSES), value))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()


def test_comparing_losses_leave_out_elements_of_no_weight(comparing):
    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(9, 4, generator=generator), torch.rand(9, 4, generator=generator).round()
    weights = torch.zeros(9, 4)
    weights[2:7] = 1.0
    assert torch.allclose(comparing(logits, targets, weights), comparing(logits[2:7], targets[2:7]))


def test_element_weights_choose_what_counts(element_wise):
    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(6, 4, generator=generator), torch.rand(6, 4, generator=generator).round()
    weights = torch.zeros(6, 4)
    weights[:3] = 2.0
    assert torch.allclose(element_wise(logits, targets, weights), element_wise(logits[:3], targets[:3]))


@pytest.mark.parametrize("make", ALL_WITH_WEIGHTS)
def test_class_weights_are_the_weighted_sum_of_the_classes_alone(make):
    generator = torch.Generator().manual_seed(1)
    logits, targets = torch.randn(5, 3, generator=generator), torch.rand(5, 3, generator=generator).round()
    alone = [float(make(None)(logits[:, [k]], targets[:, [k]])) for k in range(3)]
    assert float(make([1.0, 10.0, 0.5])(logits, targets)) == pytest.approx(
        (alone[0] + 10 * alone[1] + alone[2] / 2) / 3, rel=1e-5
    )


def test_class_weights_come_from_a_config():
    config = OmegaConf.merge(OmegaConf.load(CONFIGS / "focal.yaml"), {"class_weights": [1.0, 10.0]})
    assert build(plain(config)).mean.class_weights.tolist() == [1, 10]


@pytest.mark.parametrize("make", ALL_WITH_WEIGHTS)
def test_wrong_class_weights_are_refused(make):
    with pytest.raises(InputError, match="holds 2 numbers, the model has 3 classes"):
        make([1.0, 2.0])(torch.zeros(1, 3), torch.zeros(1, 3))
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="number 1 is"):
            make([1.0, bad])


@pytest.mark.parametrize("make", ALL_WITH_WEIGHTS)
def test_weights_are_settings_and_stay_out_of_checkpoints(make):
    assert not make([1.0, 2.0]).state_dict()
