import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from hpa.inference.quantiles import QuantileScale

UNIT = st.floats(0, 1, width=32)
SAMPLES = arrays(np.float32, st.tuples(st.integers(0, 12), st.just(2)), elements=UNIT)
ROWS = arrays(np.float32, (6, 2), elements=UNIT)


@given(sample=SAMPLES, rows=ROWS)
def test_there_and_back_is_the_identity(sample, rows):
    scale = QuantileScale(sample)
    rows = torch.from_numpy(rows)
    np.testing.assert_allclose(scale.probabilities(scale.quantiles(rows)), rows, atol=1e-6)


@given(sample=SAMPLES, rows=ROWS)
def test_order_is_kept_and_quantiles_stay_in_range(sample, rows):
    found = QuantileScale(sample).quantiles(torch.from_numpy(rows)).numpy()
    assert ((found >= 0) & (found <= 1)).all()
    for column in range(2):
        order = np.argsort(rows[:, column])
        assert (np.diff(found[order, column]) >= 0).all()


@given(sample=arrays(np.float32, (9, 1), elements=st.floats(2**-10, 1 - 2**-10, width=32)))
def test_a_cell_of_the_sample_has_the_middle_of_its_ranks(sample):
    found = QuantileScale(sample).quantiles(torch.from_numpy(sample)).numpy()[:, 0]
    expected = [stats.percentileofscore(sample[:, 0], value, kind="mean") / 100 for value in sample[:, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_without_a_sample_nothing_changes():
    rows = torch.tensor([[0.0, 0.2], [1.0, 0.7]])
    torch.testing.assert_close(QuantileScale(np.empty((0, 2), np.float32)).quantiles(rows), rows.double())
