"""What is exported is read back as the same cells (`hpa.results`), and what is missing is named."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.submission_table import PREDICTION_COLUMN, TableRow, write_table
from hpa.inference.exports.cells import CellsExport
from hpa.inference.exports.label_maps import LabelMapsExport
from hpa.results import cells_file
from hpa.results.cells_file import CellsFile
from hpa.results.label_maps import LabelMapCells
from hpa.results.submission import SubmissionCells
from hpa.results.truth import TrueImage
from tests.inference.exports.conftest import CLASS_NAMES


class Nowhere:
    """No images are needed."""

    def read(self, image_id):
        return Field(image_id, np.zeros((1, 4, 4), np.uint8), ("green",), 1.0)


@pytest.fixture
def written(export, records):
    export(LabelMapsExport(), records)
    return export(CellsExport(CLASS_NAMES), records)


def test_a_table_of_cells_is_read_with_its_outlines(written, records):
    found = CellsFile(written.with_suffix(".cells.parquet"), Nowhere())
    table = found.table()
    assert found.class_names == CLASS_NAMES
    np.testing.assert_allclose(table.confidences, np.vstack([record.confidences for record in records]))
    assert table.image_ids == ("b", "a", "c")  # an image without cells has no row
    assert np.concatenate(list(found.features())).shape == (len(table.image), found.feature_count)
    np.testing.assert_array_equal(found.label_map("c"), records[3].segmented.segmentation.cells)
    assert len(list(found.masks("b"))) == 6
    with pytest.raises(InputError, match="no label map of image z"):
        found.label_map("z")


def test_features_do_not_count_among_what_is_read_at_once(written, monkeypatch):
    path = written.with_suffix(".cells.parquet")
    facts = pq.read_metadata(path)
    features = sum(name.startswith("f_") for name in facts.schema.names)
    least = facts.num_rows * (facts.num_columns - features)
    monkeypatch.setattr(cells_file, "MAX_VALUES", least)
    assert CellsFile(path, Nowhere()).feature_count == features > 0
    monkeypatch.setattr(cells_file, "MAX_VALUES", least - 1)
    with pytest.raises(InputError, match="no table of cells"):
        CellsFile(path, Nowhere())


def test_without_outlines_the_missing_file_is_named(written, tmp_path):
    moved = tmp_path / "elsewhere" / "x.cells.parquet"
    moved.parent.mkdir()
    written.with_suffix(".cells.parquet").rename(moved)
    with pytest.raises(InputError, match=r"x\.label_maps"):
        CellsFile(moved, Nowhere()).label_map("b")


@pytest.mark.parametrize("content", [b"no parquet", None])
def test_what_is_no_table_of_cells_is_refused(tmp_path, content):
    path = tmp_path / "x.cells.parquet"
    if content is None:
        pd.DataFrame({"image": ["a"]}).to_parquet(path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match="also=cells"):
        CellsFile(path, Nowhere())


def test_a_bad_row_of_a_submission_leaves_the_others(tmp_path):
    rows = [TableRow("a", 4, 4, "0 nan x"), TableRow("b", 4, 4, "")]
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, rows)
    table = SubmissionCells(tmp_path / "submission.csv", Nowhere(), CLASS_NAMES).table()
    assert table.image_ids == ("b",)
    assert [problem.subject for problem in table.problems] == ["a"]


def test_a_damaged_label_map_leaves_the_others(written):
    folder = written.with_suffix(".label_maps") / "cells"
    (folder / "b.tif").write_bytes(b"no tiff")
    table = LabelMapCells(folder, Nowhere()).table()
    assert "b" not in table.image_ids
    assert [problem.subject for problem in table.problems] == ["b"]


def test_cells_have_the_classes_of_the_true_cell_that_they_match():
    masks = [np.zeros((8, 8), bool) for _ in range(3)]
    masks[0][:4, :4], masks[1][4:, 4:], masks[2][:4, 4:] = True, True, True
    truth = TrueImage(masks[:2], np.array([[1, 0], [0, 1]], np.float32))
    np.testing.assert_array_equal(truth.targets_of([masks[1], masks[2]]), [[0, 1], [np.nan, np.nan]])
