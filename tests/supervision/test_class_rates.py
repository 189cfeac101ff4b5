from __future__ import annotations

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.class_rates import rates_of, require_rates


def test_one_number_serves_all_classes_and_one_a_class_each():
    assert rates_of("false_negative_rate", 0.25).tolist() == [0.25]
    assert rates_of("false_negative_rate", [0.25, 0.5]).tolist() == [0.25, 0.5]
    require_rates("false_negative_rate", torch.tensor([0.25]), 19)
    require_rates("false_negative_rate", torch.tensor([0.25, 0.5]), 2)


@pytest.mark.parametrize("values", [0.0, 1.0, float("nan"), [], [0.5, -0.1]])
def test_rates_out_of_range_are_told(values):
    with pytest.raises(InputError, match=r"supervision\.false_negative_rate must lie between 0 and 1"):
        rates_of("false_negative_rate", values)


def test_rates_of_other_classes_are_told():
    with pytest.raises(InputError, match="holds 2 numbers, the model has 3 classes"):
        require_rates("false_negative_rate", torch.tensor([0.25, 0.5]), 3)
