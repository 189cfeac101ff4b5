import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpa.core.agreement import Agreement, agreement
from hpa.core.errors import InputError

FIRST = np.array([[1, 1, 1, 1, 0, 2, 2, 3, 3, 0, 4, 4]])
SECOND = np.array([[1, 1, 5, 5, 0, 2, 2, 2, 2, 0, 0, 9]])


def test_cells_are_matched_split_and_merged():
    """1 lies over 1 and 5, 2 lies over 2 and 3; half of 4 is found."""
    assert agreement(FIRST, SECOND) == Agreement(first=4, second=4, matched=3, split=1, merged=1)


@given(arrays(np.int32, (4, 5), elements=st.integers(0, 4)), arrays(np.int32, (4, 5), elements=st.integers(0, 4)))
def test_seen_from_the_other_side_a_split_is_a_merger(first, second):
    there, back = agreement(first, second), agreement(second, first)
    assert (there.first, there.second, there.matched) == (back.second, back.first, back.matched)
    assert (there.split, there.merged) == (back.merged, back.split)


@given(arrays(np.int32, (4, 5), elements=st.integers(0, 4)))
def test_with_itself_every_cell_is_matched_and_none_split(cells):
    count = len(np.setdiff1d(cells, 0))
    assert agreement(cells, cells * 3) == Agreement(count, count, count, 0, 0)


def test_maps_of_another_size_are_refused():
    with pytest.raises(InputError, match="one size"):
        agreement(FIRST, SECOND[:, :4])
