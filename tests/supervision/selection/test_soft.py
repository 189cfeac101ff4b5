from __future__ import annotations

import pytest
import torch
from hypothesis import given

from hpa.core.errors import InputError
from hpa.supervision.selection.soft import SoftSelection
from tests.supervision.selection.told_cells import told_cells


@given(told=told_cells())
def test_at_temperature_one_it_is_the_teacher(told):
    assert torch.allclose(SoftSelection(1.0)(*told), told[0], atol=2e-6)


@given(told=told_cells())
def test_low_temperatures_sharpen_and_high_ones_flatten(told):
    away = (told[0] - 0.5).abs()
    assert ((SoftSelection(0.5)(*told) - 0.5).abs() >= away - 2e-6).all()
    assert ((SoftSelection(2.0)(*told) - 0.5).abs() <= away + 2e-6).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_none_is_told(temperature):
    with pytest.raises(InputError, match="temperature"):
        SoftSelection(temperature)
