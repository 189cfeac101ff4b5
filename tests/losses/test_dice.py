from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given
from sklearn.metrics import f1_score

from hpa.core.errors import InputError
from hpa.losses.dice import DiceLoss
from tests.losses.loss_planes import planes_of_logits_and_targets


@given(planes_of_logits_and_targets())
def test_with_hardly_any_smoothing_it_is_that_of_the_library_where_something_is_told(drawn):
    theirs, ours = smp.losses.DiceLoss("binary", smooth=0.0), DiceLoss(1e-9)
    for logits, targets in zip(*(part.flatten(0, 1)[:, None, None] for part in drawn), strict=True):
        if targets.any():  # the library leaves other planes out
            assert float(ours(logits, targets)) == pytest.approx(float(theirs(logits, targets)), abs=1e-6)


def test_smoothing_adds_an_area_to_both_sides_of_the_fraction():
    logits, targets = torch.zeros(1, 1, 4, 5), torch.zeros(1, 1, 4, 5)
    targets[0, 0, 0] = 1  # 20 px said by one half, 5 told
    assert float(DiceLoss(3.0)(logits, targets)) == pytest.approx(1 - (2 * 2.5 + 3) / (10 + 5 + 3))


def test_of_sure_masks_it_is_one_minus_f1():
    generator = torch.Generator().manual_seed(0)
    said, told = (torch.rand(1, 1, 20, 30, generator=generator).round() for _ in range(2))
    expected = 1 - f1_score(told.ravel(), said.ravel())
    assert float(DiceLoss(1e-6)(200 * said - 100, told)) == pytest.approx(expected, abs=1e-6)


@given(planes_of_logits_and_targets())
def test_it_is_the_mean_over_images_and_planes(drawn):
    loss = DiceLoss(1.0)
    alone = [loss(x[None, None], y[None, None]) for x, y in zip(*(part.flatten(0, 1) for part in drawn), strict=True)]
    assert torch.allclose(loss(*drawn), torch.stack(alone).mean())


def test_nothing_told_and_nothing_said_costs_nothing():
    assert float(DiceLoss(1.0)(torch.full((1, 1, 9, 9), -100.0), torch.zeros(1, 1, 9, 9))) == pytest.approx(0)


@pytest.mark.parametrize("area", [0.0, -1.0, float("nan"), float("inf")])
def test_areas_out_of_range_are_told(area):
    with pytest.raises(InputError, match=r"loss\.smoothing_px"):
        DiceLoss(area)
