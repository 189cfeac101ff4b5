from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.selection.quantile import QuantileSelection
from tests.supervision.selection.told_cells import told_cells


@given(told=told_cells(), level=st.floats(0, 0.99))
def test_as_many_are_believed_as_the_level_leaves(told, level):
    probabilities, copied, _ = told
    beliefs = QuantileSelection(level)(*told)
    assert not beliefs[copied == 0].any()
    for column in range(probabilities.shape[1]):
        values = probabilities[copied[:, column] > 0, column].tolist()
        kept = beliefs[copied[:, column] > 0, column].sum().item()
        if values:
            least = sorted(values)[int(level * len(values))]
            assert kept == sum(value >= least for value in values)
            assert kept >= len(values) - int(level * len(values))


def test_an_image_whose_label_is_wrong_keeps_no_cell():
    probabilities = torch.tensor([[0.9], [0.8], [0.1], [0.2]])
    beliefs = QuantileSelection(0.5)(probabilities, torch.ones(4, 1), torch.tensor([0, 0, 1, 1]))
    assert beliefs[:, 0].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("level", [-0.1, 1.0])
def test_a_level_out_of_range_is_told(level):
    with pytest.raises(InputError, match="level"):
        QuantileSelection(level)
