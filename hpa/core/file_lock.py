"""A lock file that names its holder: works on network file systems, and is free again when its holder was killed.

The file system only needs to give a file a second name that must not exist yet, or to create such a file; locks of the
operating system (flock) are missing or without effect on many network mounts. The holder renews the file's time while
it works. A lock is stale if its process is gone, which is known on the same machine at once, or if it was not renewed
for minutes.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.core.json_file import read_json
from hpa.core.whole_file import explained_write_errors

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

    @classmethod
    def from_plain(cls, values: Any) -> Holder:
        """Return the holder of the values that a lock file keeps, which anybody may have written.

        Raises:
            ValueError: If they are none of a holder.
        """
        kinds = {field.name: int if field.name == "process" else str for field in fields(cls)}
        if not isinstance(values, dict) or values.keys() != kinds.keys():
            raise ValueError("no holder of a lock")
        if any(type(values[name]) is not kind for name, kind in kinds.items()) or not 0 < values["process"] < 1 << 31:
            raise ValueError("no holder of a lock")
        return cls(**values)

    @property
    def is_local(self) -> bool:
        """Whether this process can find out if that one still runs."""
        return os.name != "nt" and (self.host, self.namespace) == (socket.gethostname(), _namespace())

    @property
    def is_alive(self) -> bool:
        """Whether the process of this machine still runs."""
        return _is_alive(self.process) and (_started(self.process) or self.started) == self.started


class LockHeldError(InputError):
    """Another process holds the lock, or took it over."""


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
            LockHeldError: If somebody did.
        """
        other = _holder(self.path)
        if other != self.holder:
            named = "nobody" if other is None else _named(other)
            raise LockHeldError(
                f"{self.path}: this process did not renew its lock for minutes and lost it, {named} holds it now; it "
                "stops here, so that two do not write the same files."
            )


@contextmanager
def held(path: Path, doing: str, remedy: str) -> Iterator[Lock]:
    """Hold a lock file, and give the lock; the file is removed at the end.

    Args:
        path: The file; its folder is made.
        doing: What a holder does, e.g. "trains this run".
        remedy: What to do if another process holds it.

    Raises:
        LockHeldError: If another process holds it, naming its number and machine.
        WriteError: If the disk is full, or the folder cannot be written to.
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


def living_holder(path: Path) -> Holder | None:
    """Return who holds a lock, None where nobody does, or its process is gone or did not renew it for minutes."""
    holder = _holder(path)
    return None if holder is None or _is_stale(path, holder) else holder


def _acquire(path: Path, own: Holder, doing: str, remedy: str) -> None:
    while True:
        try:
            with explained_write_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                is_created = _is_created(path, own)
        except FileNotFoundError:  # the former holder removed its empty folder just now
            continue
        except OSError as error:
            raise InputError(f"{path}: the lock cannot be written ({error}); give a folder that can.") from error
        if is_created:
            return
        other = _holder(path)
        if not _is_stale(path, other):
            raise LockHeldError(f"{path.parent}: {_named(other)} {doing} now; {remedy}{_wait(path, other)}")
        _remove_stale(path, other)


def _is_created(path: Path, own: Holder) -> bool:
    """Create a lock file unless there is one, and return whether it was created.

    It appears with its content, so that no killed process leaves a lock without a name; where files have one name only
    (FAT, some mounts of object stores), it is created and then written.
    """
    text = json.dumps(asdict(own))
    part = path.with_name(f".{path.name}.{own.token}.part")
    try:
        part.write_text(text, encoding="utf-8")
        try:
            path.hardlink_to(part)
            return True
        except FileExistsError:
            return False
        except OSError:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            return True
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)


def _named(holder: Holder | None) -> str:
    return "another process" if holder is None else f"process {holder.process} on {holder.host}"


def _wait(path: Path, holder: Holder | None) -> str:
    """Say when a lock becomes free whose process this one cannot look for."""
    if holder is not None and holder.is_local:
        return ""
    seconds = max(1, math.ceil(STALE_S - _age_s(path)))
    return f" If it was killed, the lock is free in {seconds} seconds."


def _remove_stale(path: Path, seen: Holder | None) -> None:
    """Remove a stale lock unless another process was faster; one at a time, so that no new lock is removed."""
    guard = path.with_name(f"{path.name}.takeover")
    if not _is_created(guard, Holder.this_process()):
        if guard.exists() and _is_stale(guard, _holder(guard)):  # its process was killed between two lines
            guard.unlink(missing_ok=True)
        time.sleep(0.05)
        return
    try:
        if _holder(path) == seen and _is_stale(path, seen):
            path.unlink(missing_ok=True)
    finally:
        guard.unlink(missing_ok=True)


def _is_stale(path: Path, holder: Holder | None) -> bool:
    if holder is not None and holder.is_local and (holder.started or not holder.is_alive):
        return not holder.is_alive
    return _age_s(path) > STALE_S  # also of a process number that may be another's now, where starts are not known


def _holder(path: Path) -> Holder | None:
    """Return who holds a lock, None if nobody does or the file is being written."""
    try:
        return Holder.from_plain(read_json(path))
    except (OSError, ValueError):
        return None


def _age_s(path: Path) -> float:
    """Return how long a file was not renewed, by the clock of the file system; 0 if it is gone."""
    now = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
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
