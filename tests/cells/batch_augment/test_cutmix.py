import pytest
import torch

from hpa.cells.batch_augment.cutmix import BatchCutmix
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch


def test_labels_are_mixed_by_the_area_of_one_rectangle_an_image():
    batch = crop_batch()
    batch.crops = (
        batch.image_of_cell[:, None, None, None].float().expand_as(batch.crops) / 10
    )  # the grey level is the image
    after = BatchCutmix(0.6, 1.0)(batch)
    foreign = (after.crops != batch.crops)[:, 0]
    assert foreign.any()
    for image in range(4):
        cells = foreign[batch.image_of_cell == image]
        assert (cells == cells[:1]).all()
        rows, columns = cells[0].any(dim=1), cells[0].any(dim=0)
        assert torch.equal(cells[0], rows[:, None] & columns[None])
        share = after.image_targets[image, image]
        assert share == 1 or torch.isclose(share, 1 - cells[0].float().mean())
        assert share >= 0.35  # whole pixels of 16² exceed 0.6 at most a little


@pytest.mark.parametrize("numbers", [(0.0, 0.5), (1.0, 0.5), (0.5, -0.1)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="max_area must lie between 0 and 1"):
        BatchCutmix(*numbers)
