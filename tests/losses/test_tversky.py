from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score, jaccard_score

from hpa.core.errors import InputError
from hpa.losses.dice import DiceLoss
from hpa.losses.tversky import TverskyLoss
from tests.losses.loss_planes import planes_of_logits_and_targets


@given(planes_of_logits_and_targets(), st.floats(0.01, 10))
def test_with_equal_halves_it_is_dice(drawn, smoothing_px):
    # Dice counts what is shared twice, hence twice the area
    assert torch.allclose(TverskyLoss(0.5, 0.5, smoothing_px)(*drawn), DiceLoss(2 * smoothing_px)(*drawn))


def sure_masks() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 1, 20, 30, generator=generator).round(), torch.rand(1, 1, 20, 30, generator=generator).round()


def test_of_sure_masks_it_is_the_jaccard_index_or_the_score_f_beta():
    said, told = sure_masks()
    logits = 200 * said - 100
    jaccard = jaccard_score(told.ravel(), said.ravel())
    assert float(TverskyLoss(1.0, 1.0, 1e-6)(logits, told)) == pytest.approx(1 - jaccard, abs=1e-6)
    # F_beta prices what is missed at beta^2 / (1 + beta^2)
    f_two = fbeta_score(told.ravel(), said.ravel(), beta=2)
    assert float(TverskyLoss(0.2, 0.8, 1e-6)(logits, told)) == pytest.approx(1 - f_two, abs=1e-6)


def test_a_price_of_nothing_forgives_that_error():
    _, told = sure_masks()
    everything = torch.full_like(told, 100.0)
    assert float(TverskyLoss(0.0, 1.0, 1.0)(everything, told)) == pytest.approx(0, abs=1e-6)
    assert float(TverskyLoss(1.0, 0.0, 1.0)(-everything, told)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "numbers", [(-0.1, 0.5, 1.0), (0.0, 0.0, 1.0), (0.5, float("nan"), 1.0), (0.5, 0.5, 0.0), (0.5, float("inf"), 1.0)]
)
def test_numbers_out_of_range_are_told(numbers):
    with pytest.raises(InputError, match=r"loss\.(invented_price|smoothing_px)"):
        TverskyLoss(*numbers)
