import errno
import os
import shutil
from pathlib import Path

import pytest

from hpa.core.errors import InputError
from hpa.core.whole_file import DiskFullError, WriteError, explained_write_errors, whole_file


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


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Path:
    """A folder that nobody may write to, the administrator neither."""
    if os.geteuid() != 0:
        folder = tmp_path / "read_only"
        folder.mkdir(mode=0o500)
        return folder
    if not Path("/sys").is_dir():
        pytest.skip("the administrator may write anywhere here")
    return Path("/sys")


def test_a_read_only_folder_is_explained(read_only_folder: Path) -> None:
    path = read_only_folder / "report.html"
    with (
        pytest.raises(WriteError, match=r"report\.html: cannot be written .* choose a folder"),
        whole_file(path) as file,
    ):
        file.write(b"new")


def test_a_file_or_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(WriteError, match="/a is in its way"), whole_file(tmp_path / "a" / "b" / "c.txt") as file:
        file.write(b"new")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(WriteError, match="in its way"), whole_file(tmp_path / "folder") as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space"),
        OSError(errno.EDQUOT, "quota"),
        OSError("23 requested and 18 written"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device")]),
    ],
)
def test_every_kind_of_full_disk_is_one_error(tmp_path: Path, error: OSError) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(DiskFullError, match=r"is full, 7 bytes"), whole_file(path, 7):
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_of_reading_something_else_meanwhile_pass(tmp_path: Path) -> None:
    other = PermissionError(errno.EACCES, "Permission denied", "/elsewhere/input.png")
    with pytest.raises(PermissionError), explained_write_errors(tmp_path / "a"):
        raise other
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a"):
        (tmp_path / "missing").read_bytes()
    assert issubclass(WriteError, InputError)


def test_a_device_or_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe, link, device = tmp_path / "pipe", tmp_path / "stdout", tmp_path / "null"
    os.mkfifo(pipe)
    link.symlink_to("/proc/self/fd/1")
    device.symlink_to(os.devnull)
    for path in (pipe, link, device):
        with pytest.raises(WriteError, match=rf"{path}: is a device, a pipe or a socket"), whole_file(path):
            pytest.fail("there is something to write to")
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert device.is_char_device()
