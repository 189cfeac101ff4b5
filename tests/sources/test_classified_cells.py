from hpa.sources.cell_classes import read_cell_classes
from hpa.sources.classified_cells import NamedCells


def test_rows_are_appended_and_read_back(tmp_path):
    named = NamedCells(tmp_path, lambda _: True)
    named.add("a,b", ["HEK", "N2a"], [0.75, 0.5])
    named.add("none", [], [])
    named.add("c", ["HEK"], [0.25])
    classes = read_cell_classes(tmp_path / "classes.csv")
    assert classes.of("a,b", [1, 2]) == ["HEK", "N2a"]
    assert classes.scores("a,b", [1, 2]) == [0.75, 0.5]
    assert classes.scores("c", [1]) == [0.25]


def test_rows_of_images_that_were_not_finished_are_dropped(tmp_path):
    named = NamedCells(tmp_path, lambda _: True)
    named.add("a", ["HEK"], [0.5])
    named.add("b", ["HEK"], [0.5])
    with named.path.open("a") as file:
        file.write("c,1,HE")  # killed while writing
    again = NamedCells(tmp_path, lambda image_id: image_id in ("a", "c"))
    again.add("b", ["N2a"], [1.0])
    assert read_cell_classes(tmp_path / "classes.csv").of_cell == {("a", 1): "HEK", ("b", 1): "N2a"}


def test_without_a_cell_there_is_no_file(tmp_path):
    NamedCells(tmp_path, lambda _: True)
    assert not (tmp_path / "classes.csv").exists()
