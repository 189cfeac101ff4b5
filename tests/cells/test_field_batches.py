"""Batches of whole fields have a bound of their own."""

import pandas as pd
import pytest

from hpa.cells.crops import CropSpec
from hpa.cells.data_module import CellDataModule
from hpa.cells.fields.spec import FieldSpec
from hpa.cells.loading import CellLoading
from hpa.cells.store import CellStore
from hpa.core.image_table import ImageTable
from hpa.sources.fold_plan import FoldPlan
from tests.cells.test_dataset import Drawn, Squares


class Pending(Drawn):
    """Fields with 1 to 3 cells, six of them."""

    def table(self, split):
        names = ("1", "2", "3", "01", "02", "03")
        same = {"height": 20, "width": 60, "bits": 8, "pixel_um": 0.3, "source": "drawn", "fold": -1}
        rows = [same | {"image_id": name, "group": name, "classes": str(int(name) % 3)} for name in names]
        return ImageTable(pd.DataFrame(rows), self.class_names, "drawn")


@pytest.fixture
def module(tmp_path):
    def make(field_batch_cells: int) -> CellDataModule:
        crop = CropSpec(("green",), side_px=8, masked=True, margin=0.0)
        loading = CellLoading(2, 1, 0, field_batch_cells)
        data = CellDataModule(
            Pending(), Squares(), CellStore(tmp_path), crop, FoldPlan(2, 0, 0, False), loading, None, "cell", 0
        )
        data.prepare(lambda done, total: None)
        return data

    return make


def show(data: CellDataModule) -> None:
    data.show_fields(FieldSpec(("green",), 32), 16, None, lambda done, total: None)


def test_fields_are_whole_though_batches_of_crops_are_small(module):
    data = module(field_batch_cells=100)
    assert all(len(batch) <= 2 for batch in data.train_dataloader())
    show(data)
    shown = [row for batch in data.train_dataloader() for row in batch.cell_id.tolist()]
    assert sorted(shown) == data.rows(validation=False).tolist()


def test_a_field_of_more_cells_is_drawn_down_to_the_bound(module):
    data = module(field_batch_cells=2)
    show(data)
    for batch in data.train_dataloader():
        assert len(batch) <= 2
        assert len(batch.fields.images) <= 2
