import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.inference.rules.channels import ReadsChannels
from hpa.inference.rules.weak_nucleus import WeakNucleusRule
from tests.inference.rules.fields import field_of

RULE = WeakNucleusRule("blue", bright_percentile=100.0, dark_percentile=0.0, full_share=0.5, min_share=0.1)


def field_with(signals, background=10):
    """One cell of 3 x 3 px a signal, its middle as bright as told."""
    cells = np.zeros((3, 3 * len(signals) + 1), np.int32)
    blue = np.full(cells.shape, background, np.uint8)
    for index, signal in enumerate(signals):
        cells[:, 3 * index : 3 * index + 3] = index + 1
        blue[1, 3 * index + 1] = background + signal
    return field_of(cells, blue=blue)


@pytest.mark.parametrize("background", [0, 10, 100])
def test_weak_cells_rank_lower_whatever_the_background(background):
    found = RULE(field_with([100, 100, 25, 0, 60], background), np.ones((5, 2), np.float32))
    # the median is 60, so that 30 is enough
    np.testing.assert_allclose(found[:, 0], [1, 1, 25 / 30, 0.1, 1], rtol=1e-6)


def test_a_field_without_stain_stays_as_it_is():
    confidences = np.float32([[0.2, 0.4]] * 3)
    assert np.array_equal(RULE(field_with([0, 0, 0]), confidences), confidences)


def test_the_stain_is_required():
    assert isinstance(RULE, ReadsChannels)
    assert RULE.channels == ("blue",)
    with pytest.raises(InputError, match="channel 'violet'"):
        WeakNucleusRule("violet", 95.0, 5.0, 0.5, 0.1)(field_with([1]), np.ones((1, 2), np.float32))


@pytest.mark.parametrize(
    "values", [(101.0, 5.0, 0.5, 0.1), (95.0, -1.0, 0.5, 0.1), (95.0, 5.0, 0.0, 0.1), (95.0, 5.0, 0.5, 0.0)]
)
def test_numbers_that_make_no_sense_are_refused(values):
    with pytest.raises(InputError, match="percentiles in"):
        WeakNucleusRule("blue", *values)
