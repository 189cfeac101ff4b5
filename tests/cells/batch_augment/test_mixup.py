import pytest
import torch

from hpa.cells.batch_augment.mixup import BatchMixup
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch


def test_cells_are_mixed_as_the_labels_of_their_images_say():
    batch = crop_batch()
    torch.manual_seed(1)
    after = BatchMixup(1.0, 1.0)(batch)
    for cell, image in enumerate(batch.image_of_cell.tolist()):
        own = after.image_targets[image, image].item()
        assert own >= 0.5
        (other,) = set(after.image_targets[image].nonzero()[:, 0].tolist()) - {image}
        candidates = batch.crops[batch.image_of_cell == other]
        mixtures = own * batch.crops[cell] + (1 - own) * candidates
        assert torch.isclose(mixtures, after.crops[cell], atol=1e-5).flatten(1).all(dim=1).any()
    assert torch.allclose(after.image_targets.sum(dim=1), torch.ones(4))


def test_nothing_is_mixed_with_probability_0():
    batch = crop_batch()
    after = BatchMixup(1.0, 0.0)(batch)
    assert torch.equal(after.crops, batch.crops)
    assert torch.equal(after.image_targets, batch.image_targets)


@pytest.mark.parametrize("numbers", [(0.0, 0.5), (0.4, 1.5)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="concentration must be above 0"):
        BatchMixup(*numbers)
