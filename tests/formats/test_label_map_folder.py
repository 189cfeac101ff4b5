import pytest

from hpa.core.errors import DataError, InputError
from hpa.formats.label_map_folder import label_map_paths, paired_paths


def folder_of(path, *names):
    path.mkdir()
    for name in names:
        (path / name).touch()
    return path


def test_label_maps_are_listed_by_id_and_other_files_passed_over(tmp_path):
    folder = folder_of(tmp_path / "a", "2.png", "1.TIF", "notes.txt", ".2.png.part", ".hidden.png")
    assert {name: path.name for name, path in label_map_paths(folder).items()} == {"1": "1.TIF", "2": "2.png"}


def test_folders_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(InputError, match="check the path"):
        label_map_paths(tmp_path / "none")
    with pytest.raises(InputError, match="there is none in this folder"):
        label_map_paths(folder_of(tmp_path / "a", "notes.txt"))
    with pytest.raises(InputError, match=r"1\.png and 1\.tif"):
        label_map_paths(folder_of(tmp_path / "b", "1.png", "1.tif"))


def test_pairs_need_the_same_ids(tmp_path):
    first, second = folder_of(tmp_path / "a", "1.png", "2.png"), folder_of(tmp_path / "b", "2.tif", "3.tif")
    with pytest.raises(DataError) as caught:
        list(paired_paths(first, second))
    assert [problem.subject for problem in caught.value.problems] == ["3", "1"]
    (first / "1.png").unlink()
    (second / "3.tif").unlink()
    assert [(name, one.name, other.name) for name, one, other in paired_paths(first, second)] == [
        ("2", "2.png", "2.tif")
    ]
