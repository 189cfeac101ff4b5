import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpa.cells.sampling.weighted_order import drawn_by_weight, repeats_of

weights_of_items = st.lists(st.floats(0.01, 50), min_size=1, max_size=30)


@given(weights_of_items, st.integers(0, 100))
def test_no_item_is_off_by_a_whole_draw(weights, seed):
    weights = np.array(weights)
    drawn = drawn_by_weight(weights, np.random.default_rng(seed))
    assert len(drawn) == len(weights)
    expected = weights / weights.sum() * len(weights)
    assert (np.abs(np.bincount(drawn, minlength=len(weights)) - expected) < 1 + 1e-6).all()


@given(st.integers(0, 40), st.integers(0, 100))
def test_equal_weights_are_a_permutation_as_drawn_without_weights(count, seed):
    drawn = drawn_by_weight(np.full(count, 3.0), np.random.default_rng(seed))
    assert np.array_equal(drawn, np.random.default_rng(seed).permutation(count))


def test_in_the_mean_each_is_drawn_as_it_weighs():
    weights = np.array([0.3, 1.0, 2.7, 0.5])
    counts = sum(np.bincount(drawn_by_weight(weights, np.random.default_rng(s)), minlength=4) for s in range(2000))
    assert np.allclose(counts / 2000, 4 * weights / weights.sum(), atol=0.06)


@given(st.lists(st.integers(0, 6), max_size=30))
def test_turns_count_what_came_before(drawn):
    expected = [drawn[:place].count(item) for place, item in enumerate(drawn)]
    assert repeats_of(np.array(drawn, np.int64)).tolist() == expected
