import pytest
import torch

from hpa.cells.batch_augment.d4 import BatchD4
from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from tests.cells.batches import crop_batch, field_batch


def test_every_crop_is_one_of_its_symmetric_views_and_all_occur():
    batch = crop_batch((60, 60))
    torch.manual_seed(0)
    after = BatchD4(list(SYMMETRIES))(batch)
    found = set()
    for before, transformed in zip(batch.crops, after.crops, strict=True):
        names = [name for name in SYMMETRIES if torch.equal(apply(before, name), transformed)]
        assert len(names) == 1
        found.update(names)
    assert found == set(SYMMETRIES)


def test_the_coverage_of_cells_follows_their_image():
    batch = field_batch()
    after = BatchD4(list(SYMMETRIES))(batch)
    for cell, image in enumerate(batch.image_of_cell.tolist()):
        pairs = zip((batch.fields.images[image], batch.fields.coverage[cell]),
                    (after.fields.images[image], after.fields.coverage[cell]), strict=True)  # fmt: skip
        pictures, places = (
            {name for name in SYMMETRIES if torch.equal(apply(before, name), transformed)}
            for before, transformed in pairs
        )
        assert pictures & places


@pytest.mark.parametrize("names", [[], ["upside_down"]])
def test_unknown_symmetries_are_refused(names):
    with pytest.raises(InputError, match="symmetries must be some of identity"):
        BatchD4(names)
