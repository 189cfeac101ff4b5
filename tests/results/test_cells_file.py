"""A table of also=cells is shown with the outlines that belong to it, or refused."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hpa.core.errors import InputError
from hpa.formats.label_maps import write_label_map
from hpa.results.cells_file import CellsFile


def cells_file(folder, numbers=(1, 3), images=("a", "a"), confidence=0.5):
    """A table of two cells beside a label map of three."""
    (folder / "x.label_maps" / "cells").mkdir(parents=True)
    cells = np.repeat(np.arange(4, dtype=np.int32), 5)[None].repeat(8, axis=0)
    write_label_map(folder / "x.label_maps" / "cells" / "a.tif", cells)
    confidences = np.array([confidence, np.nan], np.float32)
    columns = {"image": list(images), "cell": list(numbers), "Golgi": confidences, "confidence_Golgi": confidences}
    pq.write_table(pa.table(columns), folder / "x.cells.parquet")
    return CellsFile(folder / "x.cells.parquet", images=None)


def test_masks_are_those_of_the_rows_also_where_a_cell_of_the_label_map_has_none(tmp_path):
    found = cells_file(tmp_path)
    columns = [np.flatnonzero(mask.any(axis=0)).tolist() for mask in found.masks("a")]
    assert columns == [list(range(5, 10)), list(range(15, 20))]
    assert np.isnan(found.table().confidences[1, 0])


def test_outlines_of_another_segmentation_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cell 9 of image a has no outline: .* another segmentation"):
        cells_file(tmp_path, numbers=(1, 9)).masks("a")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"numbers": (3, 1)}, "must ascend"),
        ({"numbers": (1, 1)}, "must ascend"),
        ({"confidence": np.inf}, "confidence is infinite"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, changed, words):
    with pytest.raises(InputError, match=words):
        cells_file(tmp_path, **changed).table()
