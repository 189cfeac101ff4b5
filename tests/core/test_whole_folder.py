from pathlib import Path

import pytest

from hpa.core.errors import InputError
from hpa.core.whole_file import remove_orphans, whole_folder


def test_a_folder_appears_with_all_that_was_written(tmp_path):
    out = tmp_path / "new" / "out"
    with whole_folder(out) as folder:
        (folder / "a").write_text("a")
        assert not out.exists()
    assert (out / "a").read_text() == "a"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as folder:
        (folder / "a").touch()
    assert (tmp_path / "out" / "a").is_file()


def test_after_an_error_nothing_is_left(tmp_path):
    def write_half(folder):
        (folder / "a").touch()
        (folder / "missing").read_text()

    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "out") as folder:
        write_half(folder)
    assert not list(tmp_path.iterdir())


def test_what_lies_there_is_never_overwritten(tmp_path):
    (tmp_path / "a").write_text("older")
    for path in (tmp_path, tmp_path / "a"):
        with pytest.raises(InputError, match="new or empty folder"), whole_folder(path):
            pass
    assert (tmp_path / "a").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_current_folder_is_filled_where_it_is_empty(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    with whole_folder(Path()) as folder:
        (folder / "file").write_text("content")
    assert (tmp_path / "out" / "file").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_half_written_files_and_folders_of_an_output_are_removed(tmp_path):
    out = tmp_path / "part_1"
    (tmp_path / ".part_1.label_maps.part").mkdir()
    (tmp_path / ".part_1.label_maps.part" / "a.tif").write_bytes(b"half")
    (tmp_path / ".part_1.0123.part").write_bytes(b"half")
    (tmp_path / ".part_10.0123.part").write_bytes(b"of another output")
    remove_orphans(out)
    assert [path.name for path in tmp_path.iterdir()] == [".part_10.0123.part"]


def write_while_another_does(place: Path) -> None:
    with whole_folder(place) as part:
        (part / "own").touch()
        place.mkdir()
        (place / "other").touch()


def test_a_folder_that_another_process_wrote_meanwhile_stays(tmp_path):
    with pytest.raises(InputError, match="another process has written it meanwhile"):
        write_while_another_does(tmp_path / "data")
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "other"]
