from pathlib import Path

import pytest

from hpa.core.whole_file import whole_file


def test_file_appears_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "deep/a.bin"
    with whole_file(path, 3) as file:
        file.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"


def test_failure_keeps_the_old_file_and_leaves_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write_half() -> None:
        with whole_file(path, 3) as file:
            file.write(b"n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with whole_file(path, 3) as one, whole_file(path, 3) as two:
        one.write(b"one")
        two.write(b"two")
    assert path.read_bytes() in (b"one", b"two")
    assert list(tmp_path.iterdir()) == [path]
