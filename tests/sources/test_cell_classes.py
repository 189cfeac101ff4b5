import pytest

from hpa.core.errors import DataError, InputError
from hpa.sources.cell_classes import CellClassesWriter, read_cell_classes, write_cell_classes


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
    for words in ("row 3: class 'N2a' contradicts 'HEK' of an earlier row", "row 4: cell '0'", "row 5: ID and class"):
        assert words in told


def test_scores_are_those_of_cells(tmp_path):
    classes = read_cell_classes(table(tmp_path, "ID,cell,class,score\na,1,HEK,0.5\nb,,N2a,\n"))
    assert classes.scores("a", [1]) == [0.5]
    with pytest.raises(InputError, match="no score for image b, cell 1"):
        classes.scores("b", [1])
    assert read_cell_classes(table(tmp_path, "ID,class\na,HEK\n")).scores("a", [1]) is None
    with pytest.raises(DataError, match="score 'high'"):
        read_cell_classes(table(tmp_path, "ID,cell,class,score\na,1,HEK,high\nb,,N2a,0.5\n"))


def test_a_mixture_labels_no_cell(tmp_path):
    classes = read_cell_classes(table(tmp_path, "ID,class\na,HEK|N2a\nb,HEK\nc,\n"))
    assert classes.unlabeled == {"a", "c"}
    assert classes.names == ["HEK"]


def test_a_table_without_its_columns_is_refused(tmp_path):
    with pytest.raises(InputError, match="class missing"):
        read_cell_classes(table(tmp_path, "ID,kind\na,b\n"))


def test_rows_are_appended_and_read_back(tmp_path):
    named = CellClassesWriter(tmp_path, lambda _: True)
    named.add("a,b", ["HEK", "N2a"], [0.75, 0.5])
    named.add("none", [], [])
    named.add("c", ["HEK"], [0.25])
    classes = read_cell_classes(tmp_path / "classes.csv")
    assert classes.of("a,b", [1, 2]) == ["HEK", "N2a"]
    assert classes.scores("a,b", [1, 2]) == [0.75, 0.5]
    assert classes.scores("c", [1]) == [0.25]


def test_rows_of_images_that_were_not_finished_are_dropped(tmp_path):
    named = CellClassesWriter(tmp_path, lambda _: True)
    named.add("a", ["HEK"], [0.5])
    named.add("b", ["HEK"], [0.5])
    with named.path.open("a") as file:
        file.write("c,1,HE")  # killed while writing
    again = CellClassesWriter(tmp_path, lambda image_id: image_id in ("a", "c"))
    again.add("b", ["N2a"], [1.0])
    assert read_cell_classes(tmp_path / "classes.csv").of_cell == {("a", 1): "HEK", ("b", 1): "N2a"}


def test_without_a_cell_there_is_no_file(tmp_path):
    CellClassesWriter(tmp_path, lambda _: True)
    assert not (tmp_path / "classes.csv").exists()


def test_columns_are_known_in_capitals_too(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("ID,Cell,Class,Score\na,1,HEK,0.5\na,2,N2a,0.25\n")
    classes = read_cell_classes(path)
    assert classes.of_cell == {("a", 1): "HEK", ("a", 2): "N2a"}
    assert classes.scores("a", [1, 2]) == [0.5, 0.25]
