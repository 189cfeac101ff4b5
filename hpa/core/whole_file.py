"""Files and folders that appear complete or not at all, whatever is killed while they are written."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from hpa.core.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("requested and", *(os.strerror(number) for number in _FULL))
"""Of errors without a number: numpy's "23 requested and 18 written", and those that shutil collects."""
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_OCCUPIED = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST)

_before_rename: ContextVar[Callable[[Path, Path], None] | None] = ContextVar("before_rename", default=None)
"""Called with the place of a file and the file that is about to be renamed to it."""


class WriteError(InputError):
    """Nothing can be written here; going on with the next file would be in vain."""


class DiskFullError(WriteError):
    """The file system takes no more."""


@contextmanager
def whole_file(path: Path, bytes_needed: int | None = None) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name once all is written.

    It is written beside its place, because only within one folder is renaming atomic. Two writers of one file do not
    disturb each other: the later one wins.

    Args:
        path: Where the file shall be; folders are made.
        bytes_needed: Size of the file, at most, for the message; None where it is not known before.

    Raises:
        DiskFullError: If the disk is full; nothing of the file is left behind.
        WriteError: If the folder cannot be written to, or a device stands in its place; an older file stays as it was.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    with explained_write_errors(path, bytes_needed):
        require_replaceable(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            take_name(part, path)
        finally:
            _removed(part)


def require_replaceable(path: Path) -> None:
    """Refuse what a file that takes its name would destroy: a device, a pipe, a socket, also behind a link.

    Raises:
        WriteError: If a path is such; of /dev/null nothing would be left for other programs.
    """
    leads_to_process = path.is_symlink() and str(path.readlink()).startswith("/proc/")  # as /dev/stdout does
    if leads_to_process or (path.exists() and not path.is_file() and not path.is_dir()):
        raise WriteError(
            f"{path}: is a device, a pipe or a socket, and the file would take its place; name a file instead."
        )


def take_name(part: Path, path: Path) -> None:
    """Rename what is complete to its place, after calling what `before_rename` set; a file, or a folder."""
    if notify := _before_rename.get():
        notify(path, part)
    part.replace(path)


@contextmanager
def before_rename(notify: Callable[[Path, Path], None]) -> Iterator[None]:
    """Call `notify(path, part)` for each file that this thread completes, before it takes its name."""
    token = _before_rename.set(notify)
    try:
        yield
    finally:
        _before_rename.reset(token)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name once all is written; on any error nothing of it is left.

    It is filled beside its place, because only within one file system is renaming atomic.

    Args:
        path: Where the folder shall be: new, or empty.

    Raises:
        InputError: If something lies there already, or another process wrote it meanwhile.
        DiskFullError: If the disk is full.
        WriteError: If the folder cannot be written to.
    """
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"{path}: a new or empty folder is expected, this one holds files; remove it or name another.")
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: a new or empty folder is expected, this is a file; name another.")
    place = path.resolve()  # "." has no name
    part = place.with_name(f".{place.name}.{uuid.uuid4().hex}.part")
    with explained_write_errors(path):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part.mkdir()
            yield part
            _take_name(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _take_name(part: Path, place: Path) -> None:
    """Rename a folder, unless another process was faster."""
    try:
        part.replace(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise InputError(f"{place}: another process has written it meanwhile; what it wrote stays.") from error


def remove_orphans(path: Path) -> None:
    """Remove what killed processes left half written of a file or folder, which nobody else may be writing now."""
    for orphan in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        remove(orphan)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, where it is there; of a link only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def explained_write_errors(path: Path, bytes_needed: int | None = None) -> Iterator[None]:
    """Turn errors of writing to `path` into what a user can do about them; others pass as they are.

    Raises:
        DiskFullError: If the disk or a quota is full.
        WriteError: If the folder is read-only, belongs to somebody else, or a file is in its place.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL or any(text in str(error) for text in _FULL_TEXTS):
            needed = "" if bytes_needed is None else f", {bytes_needed:,} bytes were needed for this file"
            raise DiskFullError(
                f"{path}: the disk (or quota) is full{needed}; free some "
                "space or choose another folder, then run the same command again: what was written is kept."
            ) from error
        if not _concerns(error, path):
            raise
        if error.errno in _FORBIDDEN:
            raise WriteError(
                f"{path}: cannot be written ({os.strerror(error.errno)}); choose a folder that you may write to, then "
                "run the same command again. Nothing that was there has changed."
            ) from error
        if error.errno in _OCCUPIED:
            raise WriteError(
                f"{path}: cannot be written, because {_obstacle(path)} is in its way "
                f"({os.strerror(error.errno)}); remove that, or name another place."
            ) from error
        raise


def _concerns(error: OSError, path: Path) -> bool:
    """Return whether an error is of writing to a path, and not of something read meanwhile."""
    if error.filename is None:
        return True
    named = Path(os.fsdecode(error.filename))
    return path.is_relative_to(named) or named.is_relative_to(path.parent)


def _obstacle(path: Path) -> Path:
    """Return the file that stands where a folder is needed, or the path itself where a folder stands there."""
    return next((parent for parent in path.parents if parent.exists() and not parent.is_dir()), path)


def _removed(part: Path) -> None:
    """Remove a file that may not be there; on a disk that refuses it, the first error is the one to report."""
    try:
        part.unlink(missing_ok=True)
    except OSError:
        return
