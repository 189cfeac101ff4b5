from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpa.cells.sampling.order import drawn_by_weight, packed_in_order, packed_shuffled, repeats_of

weights_of_items = st.lists(st.floats(0.01, 50), min_size=1, max_size=30)
bag_sizes = st.lists(st.integers(1, 20), min_size=1, max_size=60)


@given(sizes=bag_sizes, batch_cells=st.integers(1, 40), seed=st.integers(0, 99))
def test_every_epoch_has_as_many_batches_and_every_bag_once(sizes, batch_cells, seed):
    epochs = [packed_shuffled(sizes, batch_cells, seed, epoch) for epoch in range(8)]
    assert len({len(batches) for batches in epochs}) == 1
    for batches in epochs:
        assert sorted(bag for batch in batches for bag in batch) == list(range(len(sizes)))
        assert all(batch and (sum(sizes[b] for b in batch) <= batch_cells or len(batch) == 1) for batch in batches)


@given(sizes=bag_sizes, batch_cells=st.integers(1, 40))
def test_in_order_nothing_moves_and_no_batch_could_take_the_next_bag(sizes, batch_cells):
    batches = packed_in_order(sizes, batch_cells)
    assert [bag for batch in batches for bag in batch] == list(range(len(sizes)))
    for batch, following in pairwise(batches):
        assert sum(sizes[bag] for bag in batch) + sizes[following[0]] > batch_cells


def test_batches_of_usual_bags_are_nearly_full():
    sizes = np.random.default_rng(0).integers(5, 35, size=2000).tolist()
    batches = packed_shuffled(sizes, 128, seed=1, epoch=0)
    assert len(batches) * 128 <= 1.05 * sum(sizes)


def test_orders_differ_between_epochs_and_seeds():
    sizes = [3] * 40
    orders = [packed_shuffled(sizes, 12, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] == packed_shuffled(sizes, 12, 0, 0)


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
def test_repeats_count_earlier_draws(drawn):
    expected = [drawn[:place].count(item) for place, item in enumerate(drawn)]
    assert repeats_of(np.array(drawn, np.int64)).tolist() == expected
