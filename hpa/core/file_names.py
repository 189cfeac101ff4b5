"""Names that files may have: ids of images become names of files, on whatever system the results are opened."""

from __future__ import annotations

import errno
import os
import stat
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from hpa.core.errors import InputError, UsageError

MAX_BYTES = 200
"""Of a name; file systems take 255, of which endings and unfinished files need some."""


def name_fault(name: str) -> str:
    r"""Return why a name cannot be that of a file in a folder, "" where it can.

    >>> name_fault("a"), name_fault("..")
    ('', "an id names files, '..' cannot; rename the image")
    """
    if name in (".", "..") or any(one in "/\\\0" for one in name):
        return f"an id names files, {name[:MAX_BYTES]!r} cannot; rename the image"
    if len(name.encode(errors="surrogateescape")) > MAX_BYTES:
        return f"an id names files, so it has at most {MAX_BYTES} bytes, not {len(name)} letters; rename the image"
    return ""


def require_text(name: str) -> None:
    """Refuse a name of a file that is not UTF-8, so that no table can hold it.

    Raises:
        InputError: Showing its bytes.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{os.fsencode(name)!r}: the name of a file is expected in UTF-8; rename it (convmv does so for a folder)."
        ) from error


def require_distinct(names: Iterable[str]) -> None:
    """Refuse names that macOS and Windows take for one: they differ in capitals, or in how accents are written.

    Raises:
        InputError: Naming two of them.
    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(folded(name), name)
        if other != name:
            raise InputError(
                f"{other!a} and {name!a}: files of these names are one file on macOS and Windows; rename one "
                "of the images."
            )


def folded(name: str) -> str:
    """Return what names have in common that some file systems take for one.

    >>> folded("A") == folded("a"), folded("é") == folded("é")
    (True, True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Spellings:
    """Names whose letters look alike are one: `ü` may be one character, or `u` and two dots, as macOS once wrote it."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def first_of(self, name: str) -> str:
        r"""Return the spelling that came first.

        >>> spellings = Spellings()
        >>> [len(spellings.first_of(name)) for name in ("u\u0308", "\u00fc", "\u00dc")]
        [2, 2, 1]
        """
        return self._first.setdefault(unicodedata.normalize("NFC", name), name)


def require_utf8() -> None:
    """Refuse an environment in which names of files are no UTF-8: what is read by one library another cannot find.

    Raises:
        UsageError: Saying what to set.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        raise UsageError(
            f"names of files are read as {encoding} here, UTF-8 is expected; unset PYTHONUTF8, or set LC_ALL=C.UTF-8."
        )


def require_no_device(path: Path) -> None:
    """Refuse what a user names and may never end: devices, such as /dev/zero, pipes and sockets.

    Raises:
        InputError: If it is one.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # whoever opens it reports it
        return
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise InputError(
            f"{path}: a file is expected, this is a pipe or a socket, which may never end; write its content to a file "
            "and name that. Tables compressed by gzip can be named directly."
        )
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise InputError(f"{path}: a file is expected, this is a device; name a file.")


def require_data(path: Path) -> None:
    """Refuse pipes, sockets and devices in a folder, which may never end, and links to themselves.

    Raises:
        InputError: If it is such.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InputError(f"{path}: a file is expected, this is a link that leads to itself; remove it.") from error
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path}: a file is expected, this is a pipe, a socket or a device; remove it.")
