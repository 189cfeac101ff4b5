import pytest
import torch

from hpa.cells.batch_augment.brightness_contrast import BatchBrightnessContrast
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch, field_batch


def test_each_crop_is_a_line_of_the_one_before():
    batch = crop_batch((6,))
    after = BatchBrightnessContrast(0.1, 0.2, 1.0, True, False)(batch)
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
    masked = BatchBrightnessContrast(0.5, 0.0, 1.0, True, False)(batch).crops
    assert not masked[outside.expand_as(masked)].any()
    unmasked = BatchBrightnessContrast(0.5, 0.0, 1.0, False, False)(batch).crops
    assert unmasked[outside.expand_as(unmasked)].any()


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_whole_image_or_each_of_its_channels_has_one_gain_and_coverage_stays(per_channel):
    batch = field_batch()
    torch.manual_seed(0)
    after = BatchBrightnessContrast(0.0, 0.2, 1.0, True, per_channel)(batch)
    unclipped = after.fields.images < 1
    gains = (after.fields.images / batch.fields.images).flatten(2)
    lowest = gains.where(unclipped.flatten(2), 9).amin(dim=2)
    highest = gains.where(unclipped.flatten(2), 0).amax(dim=2)
    assert torch.allclose(lowest, highest, atol=1e-4)
    assert (lowest >= 0.8).all()
    assert (highest <= 1.2).all()
    spread = lowest.amax(dim=1) - lowest.amin(dim=1)
    assert ((spread > 1e-4) == per_channel).all()
    assert torch.equal(after.fields.coverage, batch.fields.coverage)


@pytest.mark.parametrize("numbers", [(1.0, 0.1, 0.5), (0.1, -0.1, 0.5), (0.1, 0.1, 2.0)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="batch_augment: brightness"):
        BatchBrightnessContrast(*numbers, True, False)
