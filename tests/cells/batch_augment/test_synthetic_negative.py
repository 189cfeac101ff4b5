import pytest
import torch

from hpa.cells.batch_augment.synthetic_negative import BatchSyntheticNegative
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch, field_batch

CHANNELS = ("red", "green", "blue", "yellow")


def test_some_images_lose_their_protein_and_are_labelled_negative():
    batch = crop_batch((2,) * 18)
    after = BatchSyntheticNegative(CHANNELS, "green", 18, 0.1, 0.5)(batch)
    dimmed = after.image_targets[:, 18] == 1
    assert 3 <= dimmed.sum() <= 15
    of_cell = dimmed[batch.image_of_cell]
    assert after.crops[of_cell, 1].max() <= 0.1
    assert torch.equal(after.crops[:, [0, 2, 3]], batch.crops[:, [0, 2, 3]])
    assert torch.equal(after.crops[~of_cell], batch.crops[~of_cell])
    assert (after.image_targets[dimmed].sum(dim=1) == 1).all()
    assert torch.equal(after.image_targets[~dimmed], batch.image_targets[~dimmed])
    assert (after.cell_targets[of_cell].argmax(dim=1) == 18).all()  # unknown ones are known now
    assert torch.equal(after.cell_targets[~of_cell].isnan(), batch.cell_targets[~of_cell].isnan())


def test_whole_images_are_dimmed_too():
    after = BatchSyntheticNegative(CHANNELS, "green", 18, 0.0, 1.0)(field_batch())
    assert not after.fields.images[:, 1].any()
    assert (after.image_targets.argmax(dim=1) == 18).all()


def test_a_data_set_without_that_class_is_refused():
    with pytest.raises(InputError, match="negative_class=19, but there are 19 classes"):
        BatchSyntheticNegative(CHANNELS, "green", 19, 0.1, 0.5)(crop_batch())


@pytest.mark.parametrize(
    ("values", "message"),
    [(("pink", 18, 0.1, 0.5), "protein=pink"), (("green", -1, 0.1, 0.5), "negative_class=-1"),
     (("green", 18, 1.1, 0.5), "max_intensity"), (("green", 18, 0.1, -0.5), "probability")],
)  # fmt: skip
def test_impossible_settings_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        BatchSyntheticNegative(CHANNELS, *values)
