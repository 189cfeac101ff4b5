from collections.abc import Callable
from pathlib import Path

import pytest

from hpa.core.image_table import ImageTable
from hpa.sources.metadata import merge_metadata
from tests.sources.test_kaggle_hpa import LABELS, source


@pytest.fixture
def table(make_set: Callable[..., Path]) -> ImageTable:
    return source(make_set(LABELS)).table("train")


@pytest.mark.parametrize(("name", "separator"), [("more.csv", ","), ("more.tsv", "\t")])
def test_columns_join_by_id_in_the_order_of_the_table(
    table: ImageTable, tmp_path: Path, name: str, separator: str
) -> None:
    rows = [["ID", "cell_line"], ["c", "U-2 OS"], ["other", "HeLa"], ["a", "A-431"]]
    (tmp_path / name).write_text("\n".join(separator.join(row) for row in rows))
    merged = merge_metadata(table, tmp_path / name)
    assert merged.image_ids == table.image_ids
    assert merged.frame["cell_line"].fillna("nothing").tolist() == ["A-431", "nothing", "U-2 OS"]
    assert "1 of 3 images are not listed (left empty): b" in str(merged.warnings[0])
    assert not merged.problems


def test_ids_that_stand_twice_are_a_problem(table: ImageTable, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("ID,plate\na,1\nb,1\nc,1\nb,2\n")
    merged = merge_metadata(table, tmp_path / "more.csv")
    assert len(merged) == 3
    assert [str(problem) for problem in merged.problems] == ["more.csv: b stands twice; keep one row of it"]


def test_columns_of_the_table_are_not_overwritten(table: ImageTable, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("ID,width,row\na,1,B\n")
    merged = merge_metadata(table, tmp_path / "more.csv").frame.set_index("image_id")
    assert merged.loc["a", ["metadata_width", "row"]].tolist() == ["1", "B"]
    assert merged["width"].tolist() == table.frame["width"].tolist()
    (tmp_path / "more.csv").write_text("ID,plate, plate\na,1,2\n")
    merged = merge_metadata(table, tmp_path / "more.csv").frame.set_index("image_id")
    assert merged.loc["a", ["plate", "plate.1"]].tolist() == ["1", "2"]


def test_the_reader_joins(make_set: Callable[..., Path]) -> None:
    root = make_set(LABELS)
    (root / "more.csv").write_text("ID,plate\na,1\nb,2\nc,3\n")
    assert source(root, metadata=root / "more.csv").table("train").frame["plate"].tolist() == ["1", "2", "3"]
