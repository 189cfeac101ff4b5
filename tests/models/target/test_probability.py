import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpa.core.errors import InputError
from hpa.models.target.probability import probability_planes


@given(arrays(np.float32, (2, 3, 4), elements=st.floats(-200, 200, width=32)))
def test_they_are_sigmoids(logits):
    probabilities = probability_planes(logits, 2)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, torch.from_numpy(logits).sigmoid().numpy(), atol=1e-6)


def test_endless_logits_are_certain():
    assert probability_planes(np.array([[[np.inf, -np.inf]]]), 1).tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("given_count", [0, 1, 3])
def test_another_number_of_planes_is_refused(given_count):
    with pytest.raises(InputError, match=f"2 planes, the network gave {given_count}"):
        probability_planes(np.zeros((given_count, 4, 4), np.float32), 2)


def test_not_a_number_is_refused():
    with pytest.raises(InputError, match="NaN"):
        probability_planes(np.full((1, 2, 2), np.nan, np.float32), 1)
