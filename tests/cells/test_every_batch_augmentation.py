"""What every choice of batch_augment= promises, found by its YAML."""

from copy import deepcopy

import pytest
import torch

from hpa.core.errors import InputError
from hpa.interfaces import BatchAugmentation, CellBatch
from tests.cells.batches import CONF, crop_batch, field_batch, shipped_step
from tests.roles import assert_fills

CROPS_ALONE = {"standard", "warp", "mixup", "cutmix", "exchange"}
FIELDS_ALONE = {"paste"}
ALL = sorted(path.stem for path in (CONF / "batch_augment").glob("*.yaml"))
NAMES = sorted({*ALL} - FIELDS_ALONE)
BATCHES = {"bags": (4, 3, 5, 2), "single cells": (1, 1, 1, 1, 1), "one image": (3,), "one cell": (1,)}


def changed(name: str, batch: CellBatch, seed: int) -> CellBatch:
    step = shipped_step(name)
    assert_fills(step, BatchAugmentation)
    torch.manual_seed(seed)
    return step(batch)


def same(one: CellBatch, other: CellBatch) -> bool:
    names = ("crops", "image_of_cell", "cell_id", "cells_in_image", "image_targets", "cell_targets")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(torch.equal(a.nan_to_num(-1), b.nan_to_num(-1)) for a, b in pairs)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", BATCHES.values(), ids=BATCHES.keys())
def test_a_batch_stays_a_batch(name, sizes):
    for seed in range(5):
        batch = crop_batch(sizes)
        after = changed(name, batch, seed)
        assert after.crops.shape == batch.crops.shape
        assert after.crops.dtype == batch.crops.dtype
        assert 0 <= after.crops.min() <= after.crops.max() <= 1
        assert torch.equal(after.cell_id, batch.cell_id)
        assert after.image_targets.shape == batch.image_targets.shape
        assert 0 <= after.image_targets.min() <= after.image_targets.max() <= 1
        assert torch.equal(after.image_of_cell.bincount(minlength=len(sizes)), torch.tensor(sizes))


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_alone_decides_and_what_was_given_stays(name):
    batch = crop_batch()
    given = deepcopy(batch)
    one, again = changed(name, batch, 1), changed(name, batch, 1)
    assert same(one, again)
    assert same(batch, given)
    moved = [not same(changed(name, batch, seed), batch) for seed in range(40)]
    assert any(moved) == (name != "none")


@pytest.mark.parametrize("name", NAMES)
def test_cells_without_any_truth_stay_without(name):
    batch = crop_batch()
    batch.cell_targets = None
    assert changed(name, batch, 0).cell_targets is None


@pytest.mark.parametrize("name", sorted({*ALL} - CROPS_ALONE))
def test_whole_images_are_changed_with_the_places_of_their_cells(name):
    batch = field_batch()
    after = changed(name, batch, 3)
    assert after.fields.images.shape == batch.fields.images.shape
    assert torch.allclose(after.fields.coverage.sum(dim=(1, 2)), torch.ones(len(after)))
    assert len(after) == len(after.fields.coverage) == len(after.image_of_cell) == len(after.cell_id)


@pytest.mark.parametrize("name", sorted(CROPS_ALONE))
def test_what_serves_crops_alone_says_so(name):
    with pytest.raises(InputError, match=r"batch_augment: .*whole_image"):
        changed(name, field_batch(), 3)


@pytest.mark.parametrize("name", sorted(FIELDS_ALONE))
def test_what_serves_whole_images_alone_says_so(name):
    with pytest.raises(InputError, match=r"model\.view=crop"):
        changed(name, crop_batch(), 3)


def test_steps_are_composed_by_words():
    words = "+batch_augment@batch_augment.steps.negative=synthetic_negative"
    steps = shipped_step("standard", words, "batch_augment.steps.negative.probability=1.0")
    after = steps(crop_batch())
    assert (after.image_targets.argmax(dim=1) == 18).all()
    assert not torch.equal(after.crops, crop_batch().crops)
