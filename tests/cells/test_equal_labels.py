"""Labels that never differ are named before a training learns nothing from them."""

import logging

import pytest

from hpa.cells.crops import CropSpec
from hpa.cells.data_module import prepare_cells
from hpa.cells.store import CellStore
from hpa.sources.fold_plan import FoldPlan
from tests.cells.test_dataset import Squares
from tests.cells.test_field_batches import Pending, no_progress


class Alike(Pending):
    def table(self, split):
        table = super().table(split)
        return table.with_frame(table.frame.assign(classes="2|0"))


@pytest.mark.parametrize("source", [Alike(), Pending()])
def test_images_that_all_have_the_same_labels_are_warned_of(source, tmp_path, caplog):
    source.cell_truth = None
    crop = CropSpec(("green",), side_px=8, masked=True, margin=0.0)
    with caplog.at_level(logging.WARNING):
        prepare_cells(source, Squares(), CellStore(tmp_path), crop, FoldPlan(2, 0, 0, False), 1, no_progress)
    assert ("all 6 images have the labels 2|0" in caplog.text) == isinstance(source, Alike)
