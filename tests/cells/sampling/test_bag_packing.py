from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpa.cells.sampling.bag_packing import packed_in_order, packed_shuffled

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
