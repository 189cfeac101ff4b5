import cv2
import numpy as np
import pytest
import torch

from hpa.cells.batch_augment.warp import BatchWarp
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch


def test_without_any_change_crops_come_back():
    batch = crop_batch()
    after = BatchWarp([1.0, 1.0], 0.0, 0.0, 1.0)(batch)
    assert torch.allclose(after.crops, batch.crops, atol=1e-5)


def test_equals_the_warp_of_another_library():
    batch, step = crop_batch(side=32), BatchWarp([0.8, 1.2], 45.0, 0.1, 1.0)
    torch.manual_seed(3)
    after = step(batch)
    torch.manual_seed(3)
    torch.rand(len(batch))  # who is changed
    factors = (0.8 + 0.4 * torch.rand(len(batch), 2)).numpy()
    degrees = (45 * (2 * torch.rand(len(batch)) - 1)).numpy()
    shift = (32 * 0.1 * (2 * torch.rand(len(batch), 2) - 1)).numpy()
    for crop, warped, factor, angle, moved in zip(batch.crops, after.crops, factors, degrees, shift, strict=True):
        rotation = cv2.getRotationMatrix2D((15.5, 15.5), -float(angle), 1.0)
        centre = np.array([15.5, 15.5])
        linear = rotation[:, :2] @ np.diag(factor)
        matrix = np.column_stack([linear, centre - linear @ centre + moved])
        expected = cv2.warpAffine(crop.numpy().transpose(1, 2, 0), matrix, (32, 32)).transpose(2, 0, 1)
        assert np.abs(expected - warped.numpy()).mean() < 0.01  # that library rounds places to 1/32 px


def test_about_the_given_share_is_changed():
    batch = crop_batch((400,), channels=1)
    after = BatchWarp([0.8, 1.2], 45.0, 0.1, 0.3)(batch)
    moved = (after.crops != batch.crops).flatten(1).any(dim=1).float().mean()
    assert 0.2 < moved < 0.4


@pytest.mark.parametrize(
    "numbers", [([0.0, 1.0], 1.0, 0.1, 0.5), ([1.2, 0.8], 1.0, 0.1, 0.5), ([1.0, 1.0], -1.0, 0.1, 0.5),
                ([1.0, 1.0], 1.0, 0.1, 1.5)]
)  # fmt: skip
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="batch_augment"):
        BatchWarp(*numbers)
