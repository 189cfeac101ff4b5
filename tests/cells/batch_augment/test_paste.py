from dataclasses import replace

import pytest
import torch

from hpa.cells.batch_augment.paste import BatchPaste
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, FieldBatch

GRID, STRIDE = 8, 4


def squares(places: list[tuple[int, int, int]], classes: int = 3) -> CellBatch:
    """Draw cells of 2 x 2 places (image, row, column), each image in a grey of its own on black."""
    images = max(place[0] for place in places) + 1
    pictures, coverage = torch.zeros(images, 1, GRID * STRIDE, GRID * STRIDE), torch.zeros(len(places), GRID, GRID)
    for cell, (image, row, column) in enumerate(places):
        coverage[cell, row : row + 2, column : column + 2] = 0.25
        y, x = row * STRIDE, column * STRIDE
        pictures[image, 0, y : y + 2 * STRIDE, x : x + 2 * STRIDE] = 0.2 + 0.2 * image
    image_of_cell = torch.tensor([place[0] for place in places])
    targets = torch.eye(classes)[:images]
    ids = torch.arange(len(places))
    return CellBatch(torch.zeros(len(places), 1, 0, 0), image_of_cell, ids, image_of_cell.bincount(), targets,
                     targets[image_of_cell], FieldBatch(pictures, coverage))  # fmt: skip


PLACES = [(0, 0, 0), (0, 5, 5), (1, 3, 3)]


def test_copies_lie_in_blank_areas_with_pixels_shares_truth_and_labels():
    before = squares(PLACES)
    torch.manual_seed(0)
    after = BatchPaste(1, 1.0, 1.0)(before)
    assert len(after) == 5
    assert sorted(after.image_of_cell[3:].tolist()) == [0, 1]
    for copy in (3, 4):
        host = int(after.image_of_cell[copy])
        source = int(after.cell_id[copy])
        assert int(before.image_of_cell[source]) != host
        assert torch.equal(after.cell_targets[copy], before.cell_targets[source])
        own = before.fields.coverage[before.image_of_cell == host].sum(dim=0) > 0
        shares = after.fields.coverage[copy]
        assert not (own & (shares > 0)).any()
        assert shares.sum() == pytest.approx(1)
        row, column = shares.nonzero()[0].tolist()
        middle = (row + 1) * STRIDE, (column + 1) * STRIDE
        grey = 0.2 + 0.2 * int(before.image_of_cell[source])
        assert after.fields.images[host, 0][middle].item() == pytest.approx(grey, abs=1e-5)
    assert after.image_targets.tolist() == [[1, 1, 0], [1, 1, 0]]
    assert torch.equal(after.fields.coverage[:3], before.fields.coverage)


def test_what_lies_far_from_the_copies_stays():
    before = squares(PLACES)
    after = BatchPaste(1, 1.0, 1.0)(before)
    changed = (after.fields.images != before.fields.images).any(dim=1)
    for image in (0, 1):
        copies = after.fields.coverage[3:][after.image_of_cell[3:] == image].sum(dim=0) > 0
        near = torch.nn.functional.max_pool2d(copies[None].float(), 3, stride=1, padding=1)[0] > 0
        near = near.repeat_interleave(STRIDE, 0).repeat_interleave(STRIDE, 1)
        assert not (changed[image] & ~near).any()


def test_a_full_image_gets_no_cell():
    full = [(0, row, column) for row in range(0, GRID, 2) for column in range(0, GRID, 2)]
    after = BatchPaste(4, 0.3, 1.0)(squares([*full, (1, 3, 3)]))
    assert not (after.image_of_cell[17:] == 0).any()
    assert after.image_targets[0].tolist() == [1, 0, 0]


def test_an_image_alone_and_one_without_cells_stay_as_they_are():
    alone = squares([(0, 1, 1)])
    assert BatchPaste(4, 0.3, 1.0)(alone) is alone
    empty = squares(PLACES)
    kept = empty.image_of_cell == 0
    fields = FieldBatch(empty.fields.images, empty.fields.coverage[kept])
    names = ("crops", "image_of_cell", "cell_id", "cell_targets")
    empty = replace(empty, fields=fields, **{name: getattr(empty, name)[kept] for name in names})
    assert BatchPaste(4, 0.3, 1.0)(empty) is empty


@pytest.mark.parametrize("numbers", [(0, 0.3, 0.5), (1, 0.0, 0.5), (1, 0.3, 1.1)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="max_cells must be 1 or more"):
        BatchPaste(*numbers)
