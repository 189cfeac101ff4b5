from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score, jaccard_score

from hpa.losses.dice import DiceLoss
from hpa.losses.tversky import TverskyLoss
from tests.losses.loss_planes import planes_of_logits_and_targets


@given(planes_of_logits_and_targets(), st.floats(0.01, 10))
def test_with_equal_halves_it_is_dice(drawn, smoothing_px):
    # Dice counts what is shared twice, hence twice the area
    assert torch.allclose(TverskyLoss(0.5, 0.5, smoothing_px)(*drawn), DiceLoss(2 * smoothing_px)(*drawn))


def binary_masks() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 1, 20, 30, generator=generator).round(), torch.rand(1, 1, 20, 30, generator=generator).round()


def test_of_binary_masks_it_is_the_jaccard_index_or_the_score_f_beta():
    predicted, target = binary_masks()
    logits = 200 * predicted - 100
    jaccard = jaccard_score(target.ravel(), predicted.ravel())
    assert float(TverskyLoss(1.0, 1.0, 1e-6)(logits, target)) == pytest.approx(1 - jaccard, abs=1e-6)
    # F_beta weighs false negatives by beta^2 / (1 + beta^2)
    f_two = fbeta_score(target.ravel(), predicted.ravel(), beta=2)
    assert float(TverskyLoss(0.2, 0.8, 1e-6)(logits, target)) == pytest.approx(1 - f_two, abs=1e-6)


def test_an_error_of_weight_zero_costs_nothing():
    _, target = binary_masks()
    everything = torch.full_like(target, 100.0)
    assert float(TverskyLoss(0.0, 1.0, 1.0)(everything, target)) == pytest.approx(0, abs=1e-6)
    assert float(TverskyLoss(1.0, 0.0, 1.0)(-everything, target)) == pytest.approx(0, abs=1e-6)
