import pytest

from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import DataError, InputError
from hpa.sources.class_names import read_class_names, write_class_names


def test_what_was_written_is_read(tmp_path):
    write_class_names(tmp_path / "class_names.csv", {1: "speckled, fine", 0: "homogeneous", 18: "negative"})
    names = read_class_names(tmp_path / "class_names.csv")
    assert len(names) == len(set(names)) == len(LOCATION_NAMES)
    assert (names[0], names[1], names[2], names[18]) == ("homogeneous", "speckled, fine", "unused 2", "negative")


@pytest.mark.parametrize("row", ["19,a", "-1,a", "1.5,a", "0,", "0,other", "3,first", "x,y", "99999999999999999999,a"])
def test_rows_that_cannot_be_used_are_named(tmp_path, row):
    (tmp_path / "n.csv").write_text(f"number,name\n0,first\n{row}\n")
    with pytest.raises(DataError, match="row 3: a number from 0 to 18 and a name"):
        read_class_names(tmp_path / "n.csv")


def test_another_table_is_refused(tmp_path):
    (tmp_path / "n.csv").write_text("ID,class\n0,first\n")
    with pytest.raises(InputError, match="number, name missing"):
        read_class_names(tmp_path / "n.csv")
