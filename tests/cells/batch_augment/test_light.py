import pytest
import torch

from hpa.cells.batch_augment.light import BatchLight
from hpa.core.errors import InputError
from tests.cells.shown_batches import crop_batch


def test_each_crop_is_a_line_of_the_one_before():
    batch = crop_batch((6,))
    after = BatchLight(0.1, 0.2, 1.0, True)(batch)
    lines = set()
    for before, lit in zip(batch.crops, after.crops, strict=True):
        free = (before > 0) & (lit > 0) & (lit < 1)
        design = torch.stack([before[free], torch.ones(int(free.sum()))], dim=1)
        gain, added = torch.linalg.lstsq(design, lit[free, None]).solution[:, 0].tolist()
        assert 0.8 <= gain <= 1.2
        assert -0.1 - 1e-4 <= added <= 0.1 + 1e-4
        lines.add(round(gain, 4))
    assert len(lines) == 6


def test_outside_of_a_masked_cell_stays_black():
    batch = crop_batch((50,))
    outside = batch.crops.amax(dim=1, keepdim=True) == 0
    masked = BatchLight(0.5, 0.0, 1.0, True)(batch).crops
    assert not masked[outside.expand_as(masked)].any()
    unmasked = BatchLight(0.5, 0.0, 1.0, False)(batch).crops
    assert unmasked[outside.expand_as(unmasked)].any()


@pytest.mark.parametrize("numbers", [(1.0, 0.1, 0.5), (0.1, -0.1, 0.5), (0.1, 0.1, 2.0)])
def test_numbers_out_of_range_are_told(numbers):
    with pytest.raises(InputError, match="batch_augment: brightness"):
        BatchLight(*numbers, True)
