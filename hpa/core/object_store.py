"""Requests to object stores: listing, fetching and uploading, each repeated with growing waits where that may help.

S3 and Google Cloud Storage are read by pyarrow, which is installed anyway and reads credentials where the providers'
own tools do: the environment, `~/.aws`, roles of machines, application default credentials. Other addresses are
fsspec's.
"""

from __future__ import annotations

import datetime
import importlib
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from hpa.core.errors import InputError

ATTEMPTS = 6
"""Of one request, after which it gives up."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 20.0
_CONNECT_S, _ANSWER_S = 10, 60
_PIECE_BYTES = 32 << 20
"""Read in one request: nearly all images come in one."""
_END_BYTES = 64
_DENIED = (
    *("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "EXPIRED_TOKEN", "INVALID_CLIENT_TOKEN_ID"),
    *("status 401", "status 403", "PERMISSION_DENIED", "UNAUTHENTICATED"),
)
"""What errors of pyarrow say where the same request will fail again."""
_Answer = TypeVar("_Answer")


class PermanentError(InputError):
    """A store that does not give or take an object, also after patience."""


class Entry(NamedTuple):
    """What a listing says of an object or folder."""

    is_folder: bool
    size_bytes: int
    version: str
    """Another one for each content: ETag where the listing has it, else size and time of change."""
    changed_s: float


class _ChangedError(Exception):
    """The object is not the one that was listed."""


_listings: dict[str, dict[str, Entry]] = {}
_requested: dict[str, Entry | None] = {}
_looked_into: set[str] = set()
"""Folders in which one object was requested."""
_lock = threading.RLock()


@cache
def known_protocols() -> frozenset[str]:
    """Return the beginnings of addresses that can be opened; those of the web cannot be listed."""
    import fsspec

    return frozenset((*fsspec.available_protocols(), "s3", "gs"))


def entries_of(folder: str) -> dict[str, Entry]:
    """Return what lies in a folder by name, requested once in a process.

    Raises:
        FileNotFoundError: If there is none.
        PermanentError: If the store does not answer.
    """
    with _lock:
        if folder not in _listings:
            _listings[folder] = _retried(folder, lambda: _list(folder))
        return _listings[folder]


def entry_of(address: str) -> Entry:
    """Return what an address names: a first look in a folder requests it alone, the next one lists the folder.

    Raises:
        FileNotFoundError: If there is nothing.
        PermanentError: If the store does not answer.
    """
    folder, _, name = address.rpartition("/")
    with _lock:
        if _listings.get(address):
            return Entry(is_folder=True, size_bytes=0, version="", changed_s=0.0)
        if address in _requested:
            found = _requested[address]
        elif folder in _listings or folder in _looked_into:
            found = _listed(folder, name, address)
        else:
            _looked_into.add(folder)
            found = _requested[address] = _requested_alone(address)
    if found is None:
        raise FileNotFoundError(address)
    return found


def _listed(folder: str, name: str, address: str) -> Entry | None:
    """Return what the listing of a folder says; where it may not be listed, what a request for the object says."""
    try:
        return entries_of(folder).get(name)
    except FileNotFoundError:
        _listings[folder] = {}
    except PermanentError:
        _requested[address] = _requested_alone(address)
        return _requested[address]
    return None


def forget(address: str) -> None:
    """Request anew an object and its folder."""
    folder = address.rpartition("/")[0]
    with _lock:
        for known in (address, folder, folder.rpartition("/")[0]):
            _requested.pop(known, None)
            _listings.pop(known, None)


def fetch(address: str, entry: Entry, place: Path) -> None:
    """Write an object to a file.

    Args:
        address: The object.
        entry: What was listed.
        place: The file; nobody else may know it, as it grows.

    Raises:
        PermanentError: If it cannot be had, or is not the one that was listed.
    """

    def receive() -> None:
        arrived, end = 0, b""
        with _opened(address, "rb") as source, place.open("wb") as file:
            while piece := source.read(_PIECE_BYTES):
                file.write(piece)
                arrived += len(piece)
                end = (end + piece[-_END_BYTES:])[-_END_BYTES:]
                if arrived > entry.size_bytes:
                    break
            # pyarrow takes an answer that is shorter than it should be for a whole one, its end being chance
            source.seek(max(0, arrived - _END_BYTES))
            if arrived == entry.size_bytes and source.read(_END_BYTES) != end:
                raise _ChangedError("its end came short or was changed on the way")
            file.flush()
            os.fsync(file.fileno())
        # pieces of an object that was replaced meanwhile may fit together
        if arrived != entry.size_bytes or (arrived > _PIECE_BYTES and _info(address).version != entry.version):
            raise _ChangedError(f"{arrived:,} bytes came, {entry.size_bytes:,} are listed")

    _retried(address, receive)


def upload(file: Path, address: str) -> None:
    """Upload a file whole: the object appears, or is replaced, once all of it has arrived.

    Raises:
        PermanentError: If the store does not take it.
    """

    def send() -> None:
        with file.open("rb") as source, _opened(address, "wb") as target:  # put_file would make folders, as objects
            shutil.copyfileobj(source, target, _PIECE_BYTES)
        if (size := _info(address).size_bytes) != file.stat().st_size:
            raise _ChangedError(f"{size:,} of {file.stat().st_size:,} bytes are there")

    _retried(address, send)
    forget(address)


def _retried(address: str, request: Callable[[], _Answer]) -> _Answer:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise _denied(address, error) from error
        except (OSError, _ChangedError) as error:
            if any(word in str(error) for word in _DENIED):
                raise _denied(address, error) from error
            if attempt == ATTEMPTS:
                raise PermanentError(
                    f"{address}: cannot be had, tried {ATTEMPTS} times ({_reason(error)}); check the address and the "
                    "network, then run the same command again: what has arrived is kept."
                ) from error
        wait(min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0))
    raise AssertionError


def wait(seconds: float) -> None:
    """Wait between two attempts."""
    time.sleep(seconds)


def _denied(address: str, error: Exception) -> PermanentError:
    return PermanentError(
        f"{address}: access is denied ({_reason(error)}). Credentials are read from the environment "
        "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE; GOOGLE_APPLICATION_CREDENTIALS) or the files of "
        "the provider's own tools; a public bucket of S3 is read with AWS_NO_SIGN_REQUEST=YES."
    )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _protocol(address: str) -> str:
    return address.partition(":")[0].lower()


def _requested_alone(address: str) -> Entry | None:
    try:
        return _retried(address, lambda: _info(address))
    except FileNotFoundError:
        return None


def _info(address: str) -> Entry:
    return _entry(_filesystem(_protocol(address), os.getpid()).info(_in_store(address)))


def _list(folder: str) -> dict[str, Entry]:
    store = _filesystem(_protocol(folder), os.getpid())
    store.invalidate_cache()  # fsspec's own stores keep listings
    rows = store.ls(_in_store(folder), detail=True)
    named = {str(row["name"]).rstrip("/").rpartition("/")[2]: _entry(row) for row in rows}
    return {name: named[name] for name in sorted(named) if name}


def _opened(address: str, mode: str) -> Any:
    return _filesystem(_protocol(address), os.getpid()).open(_in_store(address), mode)


def _in_store(address: str) -> str:
    """Return the name without protocol: pyarrow's stores take no other, fsspec's both."""
    return address.partition("://")[2]


def _entry(row: dict[str, Any]) -> Entry:
    changed = next((row[name] for name in ("mtime", "LastModified", "updated", "created") if row.get(name)), 0.0)
    if isinstance(changed, datetime.datetime):
        changed = changed.timestamp()
    changed_s = float(changed) if isinstance(changed, int | float) else 0.0
    size_bytes = int(row.get("size") or 0)
    version = str(row.get("ETag") or row.get("etag") or f"{size_bytes}-{changed_s!r}")
    return Entry(row["type"] == "directory", size_bytes, version, changed_s)


@cache
def _filesystem(protocol: str, process: int) -> Any:  # noqa: ARG001 - connections do not outlive a fork
    """Return the fsspec file system of a protocol.

    Raises:
        InputError: If a package is missing.
    """
    import fsspec
    from fsspec.implementations.arrow import ArrowFSWrapper

    if protocol in ("s3", "s3a"):
        arrow = importlib.import_module("pyarrow.fs")
        return ArrowFSWrapper(
            arrow.S3FileSystem(
                endpoint_override=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
                anonymous=os.environ.get("AWS_NO_SIGN_REQUEST", "").lower() in ("1", "yes", "true"),
                connect_timeout=_CONNECT_S,
                request_timeout=_ANSWER_S,
                retry_strategy=arrow.AwsStandardS3RetryStrategy(max_attempts=1),  # ours has words
            ),
            skip_instance_cache=True,
        )
    if protocol in ("gs", "gcs"):
        arrow = importlib.import_module("pyarrow.fs")
        return ArrowFSWrapper(
            arrow.GcsFileSystem(retry_time_limit=datetime.timedelta(seconds=_ANSWER_S)), skip_instance_cache=True
        )
    try:
        return fsspec.filesystem(protocol)
    except ImportError as error:
        raise InputError(f"{protocol}://: {error}; pip install that package beside hpa.") from error
