"""A lock that only one process can hold and that dies with its process, however that ends."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hpa.core.errors import InputError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> None:
        file.seek(1 << 20)  # beyond the text, which others shall be able to read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made where it is missing; it goes when the block ends, the lock with the process at the latest.

    Raises:
        InputError: If another process holds it, naming that process, or the file system has no locks.
    """
    file = _locked_file(path)
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file; an empty lock file harms nobody
            path.unlink()
        file.close()


def _locked_file(path: Path) -> BinaryIO:
    while True:
        file = path.open("ab")
        try:
            _try_lock(file)
        except (BlockingIOError, PermissionError) as error:
            file.close()
            holder = path.read_text(encoding="utf-8", errors="replace") or "another process"
            raise InputError(
                f"{path.parent}: {holder} is writing this output now; wait until it ends, or choose another out=FILE."
            ) from error
        except OSError as error:
            file.close()
            raise InputError(
                f"{path}: this file system cannot lock files ({error}), so two runs could spoil each other's work; "
                "choose out=FILE on a local disk."
            ) from error
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()  # the holder removed it between our opening and locking it: lock the new one
