"""Folders that appear complete or not at all."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.whole_file import DiskFullError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name once all is written; on any error nothing of it is left.

    It is filled beside its place, because only within one file system is renaming atomic.

    Args:
        path: Where the folder shall be: new, or empty.

    Raises:
        InputError: If something lies there already.
        DiskFullError: If the disk is full.
    """
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"{path}: a new or empty folder is expected, this one holds files; remove it or name another.")
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: a new or empty folder is expected, this is a file; name another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    part.mkdir()
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"{path}: the disk (or quota) is full; free some space, or choose another.") from error
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
