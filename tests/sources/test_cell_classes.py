import pytest

from hpa.core.errors import DataError, InputError
from hpa.sources.cell_classes import read_cell_classes, write_cell_classes


def table(tmp_path, text):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    return path


def test_a_class_of_a_cell_goes_before_that_of_its_image(tmp_path):
    classes = read_cell_classes(table(tmp_path, "ID,cell,class\na,,HEK\na,2,N2a\n"))
    assert classes.of("a", [1, 2, 3]) == ["HEK", "N2a", "HEK"]
    assert classes.names == ["HEK", "N2a"]
    with pytest.raises(InputError, match="image b, cell 1"):
        classes.of("b", [1])


def test_what_is_written_is_read(tmp_path):
    write_cell_classes(tmp_path / "classes.csv", [("a,b", 1, "x"), ("c", 2, "y")])
    assert read_cell_classes(tmp_path / "classes.csv").of_cell == {("a,b", 1): "x", ("c", 2): "y"}


def test_all_bad_rows_are_named(tmp_path):
    path = table(tmp_path, "ID,cell,class\na,,HEK\na,,N2a\nb,0,HEK\nc,1,\n")
    with pytest.raises(DataError) as caught:
        read_cell_classes(path)
    told = str(caught.value)
    for words in ("row 3: says 'N2a', an earlier row 'HEK'", "row 4: cell '0'", "row 5: ID and class"):
        assert words in told


def test_scores_are_those_of_cells(tmp_path):
    classes = read_cell_classes(table(tmp_path, "ID,cell,class,score\na,1,HEK,0.5\nb,,N2a,\n"))
    assert classes.scores("a", [1]) == [0.5]
    with pytest.raises(InputError, match="no score for image b, cell 1"):
        classes.scores("b", [1])
    assert read_cell_classes(table(tmp_path, "ID,class\na,HEK\n")).scores("a", [1]) is None
    with pytest.raises(DataError, match="score 'high'"):
        read_cell_classes(table(tmp_path, "ID,cell,class,score\na,1,HEK,high\nb,,N2a,0.5\n"))


def test_a_mixture_is_told_of_no_cell(tmp_path):
    classes = read_cell_classes(table(tmp_path, "ID,class\na,HEK|N2a\nb,HEK\nc,\n"))
    assert classes.untold == {"a", "c"}
    assert classes.names == ["HEK"]


def test_a_table_without_its_columns_is_refused(tmp_path):
    with pytest.raises(InputError, match="class missing"):
        read_cell_classes(table(tmp_path, "ID,kind\na,b\n"))
