"""Batches of whole fields have a bound of their own."""

import pandas as pd
import pytest

from hpa.cells.crops import CropSpec
from hpa.cells.data_module import CellDataModule, prepare_cells
from hpa.cells.fields.spec import FieldSpec
from hpa.cells.fields.store import FieldStore
from hpa.cells.loading import CellLoading
from hpa.cells.store import CellStore
from hpa.core.artifacts import ArtifactCache
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
    def make(field_batch_cells: int, of_fields: bool = True) -> CellDataModule:
        crop = CropSpec(("green",), side_px=8, masked=True, margin=0.0)
        loading = CellLoading(2, 1, 0, field_batch_cells)
        store, folds = CellStore(tmp_path), FoldPlan(2, 0, 0, False)
        cells = prepare_cells(Pending(), Squares(), store, crop, folds, 1, no_progress)
        fields = None
        if of_fields:
            spec = FieldSpec(("green",), 32)
            fields = FieldStore(ArtifactCache(tmp_path)).prepare(
                cells.source, "train", cells.stored, spec, 16, 1, no_progress
            )
        return CellDataModule(cells, loading, "cell", 0, None, None, seed=0, first_epoch=0, fields=fields)

    return make


def no_progress(done: int, total: int) -> None:
    pass


def test_fields_are_whole_though_batches_of_crops_are_small(module):
    assert all(len(batch) <= 2 for batch in module(100, of_fields=False).train_dataloader())
    data = module(field_batch_cells=100)
    shown = [row for batch in data.train_dataloader() for row in batch.cell_id.tolist()]
    assert sorted(shown) == data.rows(validation=False).tolist()


def test_a_field_of_more_cells_is_drawn_down_to_the_bound(module):
    data = module(field_batch_cells=2)
    for batch in data.train_dataloader():
        assert len(batch) <= 2
        assert len(batch.fields.images) <= 2
