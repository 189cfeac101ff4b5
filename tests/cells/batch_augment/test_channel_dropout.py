import pytest
import torch

from hpa.cells.batch_augment.channel_dropout import BatchChannelDropout
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch, field_batch

CHANNELS = ("red", "green", "blue", "yellow")


def test_an_image_loses_one_landmark_in_all_of_its_cells():
    batch = crop_batch((3,) * 60)
    after = BatchChannelDropout(CHANNELS, ("red", "blue"), 0.5)(batch)
    black = (after.crops == 0).flatten(2).all(dim=2)  # (cell, channel)
    by_image = black.reshape(60, 3, 4)
    assert (by_image == by_image[:, :1]).all()
    assert not black[:, [1, 3]].any()
    assert by_image[:, 0].sum(dim=1).max() == 1
    assert 0.3 < by_image[:, 0].any(dim=1).float().mean() < 0.7
    kept = ~black
    assert torch.equal(after.crops[kept], batch.crops[kept])


def test_whole_images_lose_it_too():
    after = BatchChannelDropout(CHANNELS, ("red",), 1.0)(field_batch())
    assert not after.fields.images[:, 0].any()
    assert after.fields.images[:, 1:].all()


def test_a_run_without_landmarks_is_left_alone():
    batch = crop_batch(channels=1)
    assert BatchChannelDropout(("green",), ("red",), 1.0)(batch) is batch


@pytest.mark.parametrize(("channels", "probability"), [(("red",), 0.5), (("red", "green"), 1.5)])
def test_impossible_settings_are_refused(channels, probability):
    with pytest.raises(InputError, match="a channel must stay"):
        BatchChannelDropout(channels, ("red",), probability)
