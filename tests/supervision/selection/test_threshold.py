from __future__ import annotations

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.selection.threshold import ThresholdSelection


def test_the_threshold_itself_is_enough():
    probabilities = torch.tensor([[0.49, 0.5], [0.51, 1.0]])
    beliefs = ThresholdSelection(0.5)(probabilities, torch.ones(2, 2), torch.zeros(2, dtype=torch.int64))
    assert beliefs.tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_out_of_range_is_told(threshold):
    with pytest.raises(InputError, match="threshold"):
        ThresholdSelection(threshold)
