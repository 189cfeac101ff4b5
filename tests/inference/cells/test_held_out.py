from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa.core.errors import InputError
from hpa.inference.cells.held_out import HeldOutCells, read_held_out_cells, require_same_cells


def table_of(cells, with_truth=True):
    rows = [
        {
            "image_id": image,
            "cell": cell,
            "fold": 0,
            "p_0": p,
            "p_1": 1 - p,
            "image_target_0": 1.0,
            "image_target_1": 0.0,
        }
        | ({"cell_target_0": truth, "cell_target_1": truth} if with_truth else {})
        for image, cell, p, truth in cells
    ]
    return pd.DataFrame(rows)


CELLS = [("b", 2, 0.5, 1.0), ("a", 1, 0.2, float("nan")), ("b", 1, 0.25, 0.0)]


def test_cells_come_in_the_order_of_image_and_number(tmp_path):
    table_of(CELLS).to_parquet(tmp_path / "out_of_fold.parquet")
    found = read_held_out_cells(tmp_path)
    assert found.image_ids == ("a", "b", "b")
    assert found.cells.tolist() == [1, 1, 2]
    assert found.probabilities[:, 0].tolist() == [np.float32(0.2), 0.25, 0.5]
    assert found.by_image() == [slice(0, 1), slice(1, 3)]


def test_cells_whose_classes_are_known_are_scored_first(tmp_path):
    table_of(CELLS).to_parquet(tmp_path / "out_of_fold.parquet")
    rows, targets = read_held_out_cells(tmp_path).scored_rows()
    assert rows.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert targets.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("with_truth", [True, False])
def test_else_an_image_is_scored_by_its_most_confident_cell(tmp_path, with_truth):
    unknown = [(image, cell, p, float("nan")) for image, cell, p, _ in CELLS]
    table_of(unknown, with_truth).to_parquet(tmp_path / "out_of_fold.parquet")
    rows, targets = read_held_out_cells(tmp_path).scored_rows()
    np.testing.assert_allclose(rows, [[0.2, 0.8], [0.5, 0.75]], rtol=1e-6)
    assert targets.tolist() == [[1, 0], [1, 0]]


def test_a_run_without_predictions_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(InputError, match="ensemble=mean"):
        read_held_out_cells(tmp_path)


def test_a_broken_file_is_an_error(tmp_path):
    (tmp_path / "out_of_fold.parquet").write_bytes(b"PAR1 junk")
    with pytest.raises(InputError, match="cannot be read"):
        read_held_out_cells(tmp_path)


@pytest.mark.parametrize("dropped", ["p_0", "image_target_1"])
def test_predictions_without_truth_are_refused(tmp_path, dropped):
    table_of(CELLS).drop(columns=dropped).to_parquet(tmp_path / "out_of_fold.parquet")
    with pytest.raises(InputError, match="train the run again"):
        read_held_out_cells(tmp_path)


def held_out(name, cells):
    image_ids, numbers = zip(*cells, strict=True)
    values = np.zeros((len(cells), 1), np.float32)
    return HeldOutCells(Path(name), image_ids, np.array(numbers), values, values, None)


def test_members_that_held_out_other_cells_are_named():
    first = held_out("first", [("a", 1), ("b", 1)])
    require_same_cells([first, held_out("second", [("a", 1), ("b", 1)])])
    with pytest.raises(InputError, match=r"first and other .* share 1 of 2 and 2 images"):
        require_same_cells([first, held_out("other", [("a", 1), ("c", 1)])])
    with pytest.raises(InputError, match="share 2 of"):
        require_same_cells([first, held_out("other", [("a", 2), ("b", 1)])])
