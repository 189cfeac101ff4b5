from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed

from hpa.cells.sampling.sampler import CellSampler
from hpa.core.errors import InputError
from hpa.ranks import share_of, share_of_device

cells_of_images = st.lists(st.integers(0, 12), min_size=1, max_size=12).filter(any)


def sampler(counts, unit, shuffle, batch_cells=8, cells_per_image=4, seed=3) -> CellSampler:
    image_of_row = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(len(image_of_row)) + 100  # rows of a larger table
    return CellSampler(
        rows,
        image_of_row,
        unit=unit,
        batch_cells=batch_cells,
        cells_per_image=cells_per_image,
        seed=seed,
        shuffle=shuffle,
    )


@given(counts=cells_of_images, shuffle=st.booleans())
def test_every_cell_is_drawn_once(counts, shuffle):
    one = sampler(counts, "cell", shuffle)
    batches = list(one)
    assert sorted(np.concatenate([b.rows for b in batches])) == sorted(one.rows)
    assert all(len(b.rows) <= 8 for b in batches)
    assert len(batches) == len(one)
    if shuffle and len(one.rows) > 1:  # batch normalisation cannot train on a single cell
        assert all(len(b.rows) > 1 for b in batches)


@given(counts=cells_of_images)
def test_images_stay_whole_and_in_order_in_validation(counts):
    one = sampler(counts, "image", shuffle=False)
    batches = [b.rows for b in one]
    assert np.array_equal(np.concatenate(batches), one.rows)
    image_of = dict(zip(one.rows, one.image_of_row, strict=True))
    homes = [{image_of[row] for row in rows} for rows in batches]
    assert all(a.isdisjoint(b) for index, a in enumerate(homes) for b in homes[index + 1 :])


@given(counts=cells_of_images, epoch=st.integers(0, 5))
def test_bags_are_bounded_and_no_cell_is_left_out(counts, epoch):
    one = sampler(counts, "image", shuffle=True)
    one.set_epoch(epoch)
    image_of = dict(zip(one.rows, one.image_of_row, strict=True))
    batches = list(one)
    assert sorted(np.concatenate([b.rows for b in batches])) == sorted(one.rows)
    assert all(len(b.rows) <= 8 and b.epoch == epoch for b in batches)
    bags = Counter(
        (image_of[row], repeat)
        for b in batches
        for row, repeat in zip(b.rows, np.zeros(len(b.rows)) if b.repeats is None else b.repeats, strict=True)
    )
    for image, count in enumerate(counts):
        sizes = [size for (home, _), size in bags.items() if home == image]
        assert len(sizes) == -(-count // 4)  # as few as the bound allows
        assert not sizes or max(sizes) - min(sizes) <= 1


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        one = sampler([5, 5, 5], "cell", True, seed=seed)
        one.set_epoch(epoch)
        return np.concatenate([b.rows for b in one]).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@given(counts=cells_of_images)
def test_cells_are_shuffled_in_as_many_batches_until_bags_are_needed(counts):
    one = sampler(counts, "image", shuffle=True)
    one.cell_epochs = 2
    bags, batches = sampler(counts, "image", shuffle=True), list(one)
    assert len(batches) == len(bags)
    assert sorted(np.concatenate([b.rows for b in batches])) == sorted(one.rows)
    sizes = [len(b.rows) for b in batches]
    assert max(sizes) - min(sizes) <= 1
    assert all(b.repeats is None for b in batches)
    one.set_epoch(2)
    bags.set_epoch(2)
    assert [b.rows.tolist() for b in one] == [b.rows.tolist() for b in bags]


@given(counts=cells_of_images, unit=st.sampled_from(["cell", "image"]))
def test_every_epoch_has_as_many_batches(counts, unit):
    one = sampler(counts, unit, shuffle=True)
    promised = len(one)
    for epoch in range(6):
        one.set_epoch(epoch)
        assert len(list(one)) == len(one) == promised


def weighted(unit, epoch=0, seed=3) -> CellSampler:
    image_of_row = np.repeat(np.arange(6), 5)
    weights = np.where(image_of_row == 5, 10.0, 1.0)
    return CellSampler(np.arange(30) + 100, image_of_row, unit=unit, batch_cells=8, cells_per_image=4, seed=seed,
                       shuffle=True, epoch=epoch, weights=weights)  # fmt: skip


@pytest.mark.parametrize("unit", ["cell", "image"])
def test_weights_change_which_cells_are_drawn_and_not_how_many_batches_there_are(unit):
    plain = sampler([5] * 6, unit, True)
    for epoch in range(5):
        one = weighted(unit, epoch)
        batches = list(one)
        assert len(batches) == len(one) == len(plain)
        assert all(len(batch.rows) <= 8 for batch in batches)
        drawn = np.concatenate([batch.rows for batch in batches])
        assert (drawn >= 125).mean() > 0.4


@pytest.mark.parametrize("unit", ["cell", "image"])
def test_rows_that_are_drawn_again_are_numbered(unit):
    seen = set()
    for batch in weighted(unit):
        repeats = np.zeros(len(batch.rows), np.int64) if batch.repeats is None else batch.repeats
        seen.update(zip(batch.rows.tolist(), repeats.tolist(), strict=True))
    assert len(seen) == sum(len(batch.rows) for batch in weighted(unit))  # no cell twice with the same number
    repeats_of_image = [{repeat for row, repeat in seen if (row - 100) // 5 == image} for image in range(6)]
    assert all(repeats == set(range(len(repeats))) for repeats in repeats_of_image)
    assert len(repeats_of_image[5]) > 2


def test_a_resumed_run_draws_what_the_undisturbed_one_would_have():
    going = weighted("cell")
    going.set_epoch(3)
    first, second = ([batch.rows.tolist() for batch in one] for one in (going, weighted("cell", epoch=3)))
    assert first == second
    assert first != [batch.rows.tolist() for batch in weighted("cell", epoch=4)]


def test_crowded_images_are_logged(caplog):
    caplog.set_level("INFO")
    sampler([300, 3, 5], "image", shuffle=True).log_split_images()
    assert "2 of 3 images have more than 4 cells, up to 300; each of them comes as several bags" in caplog.text
    caplog.clear()
    sampler([300, 3], "cell", shuffle=True).log_split_images()
    assert not caplog.text


def test_a_bag_of_300_cells_keeps_the_bound_and_all_of_them_occur():
    one = sampler([300, 3], "image", shuffle=True, cells_per_image=16, batch_cells=24)
    batches = [batch.rows for batch in one]
    assert max(len(rows) for rows in batches) <= 24
    assert sorted(np.concatenate(batches)) == sorted(one.rows)


@given(st.integers(1, 40), st.integers(1, 8))
def test_devices_share_all_but_a_few_batches_evenly(batches, devices):
    if batches < devices:
        with pytest.raises(InputError, match=f"{batches} batches for {devices} devices"):
            share_of(range(batches), 0, devices)
        return
    shares = [share_of(range(batches), device, devices) for device in range(devices)]
    assert {len(share) for share in shares} == {batches // devices}
    seen = [batch for share in shares for batch in share]
    assert len(set(seen)) == len(seen) > batches - devices


def test_a_process_alone_takes_all(tmp_path):
    assert share_of_device("abc", may_repeat=False) == ["a", "b", "c"]
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        assert share_of_device("abc", may_repeat=False) == ["a", "b", "c"]
    finally:
        distributed.destroy_process_group()
