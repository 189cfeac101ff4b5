from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given
from sklearn.metrics import f1_score

from hpa.losses.dice import DiceLoss
from tests.losses.loss_planes import planes_of_logits_and_targets


@given(planes_of_logits_and_targets())
def test_with_hardly_any_smoothing_it_is_that_of_the_library_where_the_target_is_not_empty(drawn):
    reference, loss = smp.losses.DiceLoss("binary", smooth=0.0), DiceLoss(1e-9)
    for logits, targets in zip(*(part.flatten(0, 1)[:, None, None] for part in drawn), strict=True):
        if targets.any():  # the library leaves other planes out
            assert float(loss(logits, targets)) == pytest.approx(float(reference(logits, targets)), abs=1e-6)


def test_smoothing_adds_an_area_to_both_sides_of_the_fraction():
    logits, targets = torch.zeros(1, 1, 4, 5), torch.zeros(1, 1, 4, 5)
    targets[0, 0, 0] = 1  # 20 px predicted at one half, 5 in the target
    assert float(DiceLoss(3.0)(logits, targets)) == pytest.approx(1 - (2 * 2.5 + 3) / (10 + 5 + 3))


def test_of_binary_predictions_it_is_one_minus_f1():
    generator = torch.Generator().manual_seed(0)
    predicted, target = (torch.rand(1, 1, 20, 30, generator=generator).round() for _ in range(2))
    expected = 1 - f1_score(target.ravel(), predicted.ravel())
    assert float(DiceLoss(1e-6)(200 * predicted - 100, target)) == pytest.approx(expected, abs=1e-6)


@given(planes_of_logits_and_targets())
def test_it_is_the_mean_over_images_and_planes(drawn):
    loss = DiceLoss(1.0)
    alone = [loss(x[None, None], y[None, None]) for x, y in zip(*(part.flatten(0, 1) for part in drawn), strict=True)]
    assert torch.allclose(loss(*drawn), torch.stack(alone).mean())


def test_an_empty_prediction_of_an_empty_target_costs_nothing():
    assert float(DiceLoss(1.0)(torch.full((1, 1, 9, 9), -100.0), torch.zeros(1, 1, 9, 9))) == pytest.approx(0)
