"""A lock file that names its holder: works on network file systems, and is free again when its holder was killed.

The file system only needs to create a file that must not exist yet; locks of the operating system (flock) are missing
or without effect on many network mounts. The holder renews the file's time while it works. A lock is stale if its
process is gone, which is known on the same machine at once, or if it was not renewed for minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from hpa.core.errors import InputError

RENEWED_S = 15.0
STALE_S = 180.0
"""Network file systems may show a file's time a minute late."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        host: Name of the machine.
        namespace: Where process numbers mean the same: containers of one machine have their own.
        process: Number of the process.
        started: When it was started, as the system counts, so that a number that is used again is not taken for it.
        token: Unlike that of any other holder.
    """

    host: str
    namespace: str
    process: int
    started: str
    token: str

    @classmethod
    def this_process(cls) -> Holder:
        """Return what identifies this process."""
        return cls(socket.gethostname(), _namespace(), os.getpid(), _started(os.getpid()) or "", uuid.uuid4().hex)

    @property
    def is_local(self) -> bool:
        """Whether this process can find out if that one still runs."""
        return (self.host, self.namespace) == (socket.gethostname(), _namespace())

    @property
    def is_alive(self) -> bool:
        """Whether the process of this machine still runs."""
        return _is_alive(self.process) and (_started(self.process) or self.started) == self.started


@dataclass(frozen=True)
class Lock:
    """A lock file that this process holds.

    Attributes:
        path: The file.
        holder: This process.
    """

    path: Path
    holder: Holder

    def require_held(self) -> None:
        """Make sure that nobody took the lock over, as happens to a machine that slept for minutes.

        Raises:
            InputError: If somebody did.
        """
        other = _holder(self.path)
        if other != self.holder:
            named = "nobody" if other is None else f"process {other.process} on {other.host}"
            raise InputError(
                f"{self.path}: this process did not renew its lock for minutes and lost it, {named} holds it now; it "
                "stops here, so that two do not write the same files."
            )


@contextmanager
def held(path: Path, doing: str, remedy: str) -> Iterator[Lock]:
    """Hold a lock file, and give the lock; the file is removed at the end.

    Args:
        path: The file; its folder must exist.
        doing: What a holder does, e.g. "trains this run".
        remedy: What to do if another process holds it.

    Raises:
        InputError: If another process holds it, naming its number and machine.
    """
    own = Holder.this_process()
    _acquire(path, own, doing, remedy)
    stop = threading.Event()
    renewing = threading.Thread(target=_renew, args=(path, stop), daemon=True)
    renewing.start()
    try:
        yield Lock(path, own)
    finally:
        stop.set()
        renewing.join()
        if _holder(path) == own:
            path.unlink(missing_ok=True)


def _acquire(path: Path, own: Holder, doing: str, remedy: str) -> None:
    while True:
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(asdict(own), file)
            return
        except FileExistsError:
            other = _holder(path)
        except OSError as error:
            raise InputError(f"{path}: the lock cannot be written ({error}); give a folder that can.") from error
        if not _is_stale(path, other):
            named = f"process {other.process} on {other.host}" if other is not None else "another process"
            raise InputError(f"{path.parent}: {named} {doing} now; {remedy}")
        _remove_stale(path, other)


def _remove_stale(path: Path, seen: Holder | None) -> None:
    """Remove a stale lock unless another process was faster; one at a time, so that no new lock is removed."""
    guard = path.with_name(f"{path.name}.takeover")
    try:
        guard.open("x").close()
    except FileExistsError:
        if _age_s(guard) > STALE_S:  # its process was killed between two lines
            guard.unlink(missing_ok=True)
        time.sleep(0.05)
        return
    try:
        if _holder(path) == seen and _is_stale(path, seen):
            path.unlink(missing_ok=True)
    finally:
        guard.unlink(missing_ok=True)


def _is_stale(path: Path, holder: Holder | None) -> bool:
    if holder is not None and holder.is_local:
        return not holder.is_alive
    return _age_s(path) > STALE_S


def _holder(path: Path) -> Holder | None:
    """Return who holds a lock, None if nobody does or the file is being written."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _age_s(path: Path) -> float:
    """Return how long a file was not renewed, by the clock of the file system; 0 if it is gone."""
    now = path.with_name(f"{path.name}.{uuid.uuid4().hex}.now")
    try:
        now.touch()
        return now.stat().st_mtime - path.stat().st_mtime
    except OSError:
        return 0.0
    finally:
        now.unlink(missing_ok=True)


def _renew(path: Path, stop: threading.Event) -> None:
    while not stop.wait(RENEWED_S):
        with contextlib.suppress(OSError):  # a network that is away for a while
            os.utime(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def _started(process: int) -> str | None:
    """Return when a process was started, None where the system does not report it."""
    try:
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return "ended, not yet reaped" if state == "Z" else numbers[18]


def _namespace() -> str:
    """Return what process numbers belong to: the running kernel, and the container within it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
