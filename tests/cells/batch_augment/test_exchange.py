from itertools import product

import pytest
import torch

from hpa.cells.batch_augment.exchange import BatchExchange
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch


def test_pairs_exchange_as_many_cells_and_the_union_of_labels():
    batch = crop_batch((6, 4))
    after = BatchExchange(0.5, 1.0, 1.0)(batch)
    moved = after.image_of_cell != batch.image_of_cell
    assert moved[:6].sum() == moved[6:].sum() == 2
    assert torch.equal(after.crops, batch.crops)
    assert after.image_targets.tolist() == [[1.0, 1.0, *[0.0] * 17]] * 2


def test_a_bag_that_gave_all_its_cells_keeps_nothing_of_its_label():
    after = BatchExchange(1.0, 1.0, 1.0)(crop_batch((3, 3)))
    assert after.image_targets[0].argmax() == 1
    assert after.image_targets[1].argmax() == 0
    assert (after.image_targets.sum(dim=1) == 1).all()


def test_the_label_is_the_probability_that_a_remaining_cell_is_positive():
    shown, of_four, left = 0.3, [], []
    for cells in product([0, 1], repeat=4):  # those of an image that is labelled with the class
        if any(cells):
            of_four.append(torch.tensor([shown if cell else 1 - shown for cell in cells]).prod().item())
            left.append(any(cells[:2]))
    expected = sum(p for p, some in zip(of_four, left, strict=True) if some) / sum(of_four)
    after = BatchExchange(0.5, shown, 1.0)(crop_batch((4, 4)))
    assert after.image_targets[0, 0].item() == pytest.approx(expected, rel=1e-5)
    assert after.image_targets[0, 1].item() == pytest.approx(expected, rel=1e-5)


def test_an_image_without_a_partner_stays_as_it_is():
    batch = crop_batch((2, 2, 2))
    after = BatchExchange(0.5, 0.3, 1.0)(batch)
    untouched = [image for image in range(3) if torch.equal(after.image_targets[image], batch.image_targets[image])]
    assert len(untouched) == 1
    assert (after.image_of_cell[batch.image_of_cell == untouched[0]] == untouched[0]).all()


@pytest.mark.parametrize("numbers", [(0.0, 0.3, 0.5), (0.5, 0.0, 0.5), (0.5, 0.3, 1.5)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match=r"share and positive_share must lie in \(0, 1\]"):
        BatchExchange(*numbers)
