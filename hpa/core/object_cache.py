"""Objects of a store on the local disk: each whole, under its version, shared by all processes, at most so many bytes.

`$HPA_CACHE/objects/ab/<digest of address and version>/<name>`. An object that was replaced has another version and so
another place. What is fetched grows in a folder of its own and is renamed, so a killed process leaves nothing that is
taken for whole. Beyond the bound (`HPA_OBJECTS_GB`, 50), what was used longest ago goes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.object_store import Entry, fetch
from hpa.core.whole_file import explained_write_errors

BOUND = "HPA_OBJECTS_GB"
_DEFAULT_GB = 50.0
_KEPT_SHARE, _UNCOUNTED_SHARE = 0.9, 0.05
"""The cache shrinks to this share of its bound; a process looks again after it added that share."""
_ORPHAN_AGE_S = 3600.0
_lock = threading.Lock()
_added_bytes: float | None = None
"""By this process since it last looked; None before the first time."""


def fetched_file(address: str, entry: Entry) -> Path:
    """Return where an object lies here, fetched unless it is there.

    Raises:
        InputError: If it cannot be had, or is larger than the cache may be.
        WriteError: If the cache cannot be written.
    """
    name = address.rpartition("/")[2]
    place = _place(address, entry.version) / name
    with contextlib.suppress(OSError):
        if place.stat().st_size == entry.size_bytes:
            os.utime(place.parent)  # used last now
            return place
        shutil.rmtree(place.parent, ignore_errors=True)  # a disk that lost what it had written
    return _fetched(address, place, {name: (address, entry)})


def drop_fetched(address: str, entry: Entry) -> None:
    """Remove what is kept here of an object that was just replaced: within a second its version may be the former's."""
    shutil.rmtree(_place(address, entry.version), ignore_errors=True)


def fetched_folder(address: str, entries: Mapping[str, Entry]) -> Path:
    """Return where a folder that is opened as one (OME-Zarr) lies here, fetched unless it is there.

    Args:
        address: The folder.
        entries: All objects below, by relative name.

    Raises:
        InputError: As `fetched_file`.
    """
    name = address.rpartition("/")[2]
    version = digest_of_values([[key, entry.version] for key, entry in sorted(entries.items())])
    place = _place(address, version) / name
    if place.is_dir():
        os.utime(place.parent)
        return place
    return _fetched(address, place, {f"{name}/{key}": (f"{address}/{key}", one) for key, one in entries.items()})


def bound_bytes() -> int:
    """Return how many bytes the cache may hold.

    Raises:
        InputError: If the variable is no number above 0.
    """
    text = os.environ.get(BOUND) or str(_DEFAULT_GB)
    with contextlib.suppress(ValueError, OverflowError):
        if (size := float(text) * 1e9) > 0:
            return int(size)
    raise InputError(f"{BOUND}={text}: a number of GB above 0 is expected.")


def _fetched(address: str, place: Path, wanted: Mapping[str, tuple[str, Entry]]) -> Path:
    size_bytes = sum(entry.size_bytes for _, entry in wanted.values())
    if size_bytes > bound_bytes():
        raise InputError(
            f"{address}: {size_bytes:,} bytes are more than the cache may hold ({bound_bytes():,}); set {BOUND} higher."
        )
    _make_room(size_bytes)
    folder = place.parent
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    try:
        for name, (one, entry) in wanted.items():
            with explained_write_errors(part, size_bytes):
                (part / name).parent.mkdir(parents=True, exist_ok=True)
            fetch(one, entry, part / name)
        _take_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _take_place(part: Path, folder: Path) -> None:
    """Rename a folder, unless another process was faster with the same content."""
    try:
        part.replace(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _make_room(size_bytes: int) -> None:
    """Remove what was used longest ago where the cache would exceed its bound."""
    global _added_bytes
    with _lock:
        bound = bound_bytes()
        if _added_bytes is not None and _added_bytes + size_bytes <= bound * _UNCOUNTED_SHARE:
            _added_bytes += size_bytes
            return
        _added_bytes = 0
        found = [(folder, *_age_and_size(folder)) for folder in _folder().glob("*/*")]
        held = sum(size for _, _, size in found)
        for folder, used_s, size in sorted(found, key=lambda one: one[1]):
            is_part = folder.name.startswith(".")
            is_orphan = is_part and time.time() - used_s > _ORPHAN_AGE_S
            if is_orphan or (not is_part and held + size_bytes > bound * _KEPT_SHARE):
                shutil.rmtree(folder, ignore_errors=True)
                held -= size


def _age_and_size(folder: Path) -> tuple[float, int]:
    """Return when a folder was used last, s, and the bytes in it; zeros where another process removed it."""
    with contextlib.suppress(OSError):
        return folder.stat().st_mtime, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return 0.0, 0


def _place(address: str, version: str) -> Path:
    key = digest_of_values([address, version])
    return _folder() / key[:2] / key


def _folder() -> Path:
    cache = os.environ.get("HPA_CACHE") or Path("~/.cache/hpa").expanduser()
    return Path(cache) / "objects"
