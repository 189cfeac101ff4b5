"""Addresses in object stores (`s3://bucket/set`, `gs://…`) as paths: what reads a `Path` reads them unchanged.

A `StoredPath` is listed by requests and opened as a whole file of the cache (`hpa/core/object_cache.py`). It cannot be
written: results are written here and then uploaded whole (`hpa/core/upload.py`).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Generator, Iterator
from pathlib import Path, PosixPath, PurePath
from typing import IO, Any, NoReturn

from hpa.core.errors import InputError
from hpa.core.object_cache import fetched_file, fetched_folder
from hpa.core.object_store import Entry, PermanentError, entries_of, entry_of, known_protocols

_ADDRESS = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*):/+", re.IGNORECASE)
"""Chained ones (`simplecache::s3://`) are recognised to be refused."""
_USER = re.compile(r"(?<=:/)(/?)[^/@]*:[^/@]*@")
_WEB = ("http", "https", "ftp")
_OPEN_ATTEMPTS = 3
"""Another process may remove a file from the cache between finding and opening it."""


def is_address(value: object) -> bool:
    """Return whether a path is an address in an object store; `file:///folder` and plain paths are none.

    >>> is_address("s3://bucket/set"), is_address("/data/set"), is_address("hub:subcell"), is_address("a:b/c")
    (True, False, False, False)

    Raises:
        InputError: If it is a web page, carries a password, or its kind is unknown.
    """
    if isinstance(value, StoredPath):
        return True
    text = str(value)
    found = _ADDRESS.match(text)
    if found is None or ("://" not in text and not isinstance(value, Path)):
        return False
    protocol = found["protocol"].lower()
    if "://" not in text and protocol not in (*known_protocols(), *_WEB):
        return False  # a folder whose name ends in a colon
    require_no_password(text)
    if protocol in _WEB:
        raise InputError(
            f"{shown(text)}: addresses of the web cannot be listed and are not opened; download the files, or name "
            "a bucket (s3://, gs://)."
        )
    if protocol not in known_protocols():
        raise InputError(f"{shown(text)}: s3://, gs://, file:// or another address that fsspec knows is expected.")
    return protocol not in ("file", "local")


def as_path(value: str | Path) -> Path:
    """Return the path that a setting or a word of a command names, wherever it lies.

    >>> as_path("s3://bucket/set") / "train.csv", as_path("file:///data").as_posix()
    (StoredPath('s3://bucket/set/train.csv'), '/data')

    Raises:
        InputError: As `is_address`.
    """
    if isinstance(value, StoredPath):
        return value
    if is_address(value):
        return StoredPath(value)
    text = str(value)
    if text.startswith(("file:/", "local:/")):
        return Path("/" + text.partition(":")[2].lstrip("/"))
    return Path(value)


def require_no_password(text: str) -> None:
    """Refuse an address with a user and a password, which would end up in configs and logs.

    Raises:
        InputError: Showing it without them.
    """
    if _USER.search(text):
        raise InputError(
            f"{shown(text)}: an address with a user and a password is not opened, as it would end up in configs and "
            "logs; leave them out: they are read from the environment or the provider's own files (docs/storage.md)."
        )


def shown(text: str) -> str:
    """Return a text whose addresses are without user and password.

    >>> shown("s3://me:secret@bucket/set")
    's3://bucket/set'
    """
    return _USER.sub(r"\1", text)


class StoredPath(PosixPath):
    """An address in an object store. What its folders hold is requested once in a process."""

    def __str__(self) -> str:
        """Write the address as users do; a relative part of one is text as of any path."""
        protocol, *names = self.parts or ("",)
        return f"{protocol}//{'/'.join(names)}" if protocol.endswith(":") else super().__str__()

    def __fspath__(self) -> str:
        """Return where its content lies here, fetched if need be; for what opens files by their names."""
        return str(self._here())

    def identity(self) -> str:
        """Name the content by address and version, without fetching it.

        Raises:
            InputError: If there is no such object.
        """
        entry = self._entry()
        if not entry.is_folder:
            return f"{self}:{entry.version}"
        return f"{self}:" + ",".join(f"{name}={one.version}" for name, one in sorted(self._below().items()))

    def is_absolute(self) -> bool:
        """Return True: an address does not depend on the working folder."""
        return True

    def resolve(self, *_: Any, **__: Any) -> StoredPath:
        """Return the address itself: there are no links."""
        return self

    absolute = expanduser = resolve

    def exists(self, **_: Any) -> bool:
        """Return whether there is an object or a folder; nothing is fetched, as in all that follows."""
        return self._kind() is not None

    def is_file(self, **_: Any) -> bool:
        """Return whether there is an object."""
        return self._kind() is False

    def is_dir(self, **_: Any) -> bool:
        """Return whether there is a folder."""
        return self._kind() is True

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 - as of any path
        """Return kind, size in bytes and time of change.

        Raises:
            FileNotFoundError: If there is neither an object nor a folder.
            InputError: If the store does not answer.
        """
        entry = self._entry()
        mode = stat.S_IFDIR | 0o555 if entry.is_folder else stat.S_IFREG | 0o444
        return os.stat_result((mode, 0, 0, 1, 0, 0, entry.size_bytes, entry.changed_s, entry.changed_s, 0))

    def lstat(self) -> os.stat_result:
        """As `stat`: there are no links."""
        return self.stat()

    def is_symlink(self) -> bool:
        """Return False."""
        return False

    def iterdir(self) -> Generator[StoredPath, None, None]:
        """Yield what lies in the folder.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        try:
            names = entries_of(str(self))
        except FileNotFoundError as error:
            raise self._missing() from error
        yield from (self / name for name in names)

    def glob(self, pattern: str, **_: Any) -> Iterator[StoredPath]:  # type: ignore[override]
        """Yield what matches a relative pattern without `**`."""
        depth = len(PurePath(pattern).parts)
        yield from (
            path for path in self._walk(depth) if len(path.parts) - len(self.parts) == depth and path.match(pattern)
        )

    def rglob(self, pattern: str, **_: Any) -> Iterator[StoredPath]:  # type: ignore[override]
        """Yield what matches a pattern, in this folder and all below."""
        yield from (path for path in self._walk(None) if path.match(pattern))

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:  # type: ignore[override]
        """Open the whole content for reading, fetched if need be.

        Raises:
            InputError: If it cannot be had.
        """
        if set(mode) & set("wax+"):
            self._refuse_to_write()
        for _ in range(_OPEN_ATTEMPTS - 1):
            try:
                return self._here().open(mode, *args, **kwargs)
            except FileNotFoundError:
                self._entry()  # raises where it is the object that is missing
        return self._here().open(mode, *args, **kwargs)

    def _refuse_to_write(self, *_: Any, **__: Any) -> NoReturn:
        raise InputError(
            f"{self}: this command writes to folders of this machine only; name one, then copy what it wrote. "
            "infer.py takes out=ADDRESS."
        )

    mkdir = touch = unlink = rename = replace = rmdir = chmod = hardlink_to = symlink_to = _refuse_to_write

    def _here(self) -> Path:
        try:
            entry = self._entry()
            if not entry.is_folder:
                return fetched_file(str(self), entry)
            return fetched_folder(str(self), self._below())
        except PermanentError as error:
            raise InputError(str(error)) from error

    def _kind(self) -> bool | None:
        """Return whether it is a folder, None where there is nothing."""
        try:
            return self._entry().is_folder
        except FileNotFoundError:
            return None

    def _entry(self) -> Entry:
        try:
            return entry_of(str(self))
        except FileNotFoundError as error:
            raise self._missing() from error

    def _below(self) -> dict[str, Entry]:
        """Return all objects below, by relative name."""
        found = ((path, path._entry()) for path in self._walk(None))
        return {path.relative_to(self).as_posix(): entry for path, entry in found if not entry.is_folder}

    def _walk(self, depth: int | None) -> Iterator[StoredPath]:
        for path in self.iterdir():
            yield path
            if (depth is None or depth > 1) and path.is_dir():
                yield from path._walk(None if depth is None else depth - 1)

    def _missing(self) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "there is no such object or folder", str(self))
