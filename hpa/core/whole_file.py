"""Files that appear complete or not at all, whatever is killed while they are written."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hpa.core.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(InputError):
    """The file system takes no more; going on with the next file would be in vain."""


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
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            needed = "" if bytes_needed is None else f", {bytes_needed:,} bytes were needed for this file"
            raise DiskFullError(
                f"{path}: the disk (or quota) is full{needed}; free some "
                "space or choose another folder, then run the same command again: what was written is kept."
            ) from error
        raise
    finally:
        part.unlink(missing_ok=True)
