"""Writes corrections as they are made: each is on disk before the next one, and one process at a time writes."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.file_lock import Lock, held
from hpa.core.whole_file import explained_write_errors
from hpa.corrections.table import (
    HEADER,
    UNDO,
    Correction,
    ImageCorrections,
    changes_of,
    images_after,
    read_lines,
)


class Journal:
    """A table of corrections that is open for writing.

    Args:
        path: The table; begun where there is none.
        who: Name in the column `who`.
        lock: Of the table.

    Raises:
        InputError: If there is a file that is no such table.
    """

    def __init__(self, path: Path, who: str, lock: Lock) -> None:
        self.path, self._who, self._lock = path, who, lock
        if path.is_file():
            _drop_torn_line(path)
        if not path.is_file() or not path.stat().st_size:
            self._append(HEADER + "\n")
        lines = read_lines(path)
        self._changes = changes_of(lines)
        self._last = max((number for number, _ in lines), default=0)

    @property
    def images(self) -> dict[str, ImageCorrections]:
        """Return what holds of each image now."""
        return images_after(self.path, self._changes)

    @property
    def changes(self) -> dict[int, list[Correction]]:
        """Return the changes that are not undone, by number."""
        return dict(self._changes)

    def add(self, corrections: Sequence[Correction]) -> int:
        """Write a change of one or many cells, and return its number; it is on disk when this returns.

        Raises:
            InputError: If an image was corrected on another segmentation, or the lock was lost.
            WriteError: If the disk is full.
        """
        number = self._last + 1
        images_after(self.path, {**self._changes, number: list(corrections)})
        self._write(number, corrections)
        self._changes[number] = list(corrections)
        return number

    def undo(self) -> list[Correction]:
        """Undo the last change that is not undone, and return what it was; nothing where there is none.

        Raises:
            InputError: If the lock was lost.
            WriteError: If the disk is full.
        """
        if not self._changes:
            return []
        number = max(self._changes)
        self._write(self._last + 1, [Correction("", "", 0, UNDO, str(number))])
        return self._changes.pop(number)

    def _write(self, number: int, corrections: Sequence[Correction]) -> None:
        self._lock.require_held()
        time = datetime.now(UTC).isoformat(timespec="seconds")
        self._append("".join(one.line(number, time, self._who) for one in corrections))
        self._last = number

    def _append(self, text: str) -> None:
        size = self.path.stat().st_size if self.path.is_file() else 0
        with explained_write_errors(self.path):
            try:
                with self.path.open("ab") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):  # half a line would become one with the next
                    os.truncate(self.path, size)
                raise


@contextmanager
def open_journal(path: Path, who: str | None = None) -> Iterator[Journal]:
    """Open a table of corrections for writing; nobody else can meanwhile.

    Args:
        path: The table.
        who: Name of who corrects; None: that of the user.

    Raises:
        InputError: If another process writes it, or the file is no such table.
    """
    remedy = "close it there, or name another file."
    with held(path.with_name(f".{path.name}.lock"), f"corrects cells in {path.name}", remedy) as lock:
        yield Journal(path, who or _user(), lock)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return ""


def _drop_torn_line(path: Path) -> None:
    """Cut off a line that a killed process did not finish: it was not acknowledged."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        if b"\n" not in content:
            raise InputError(f"{path}: is no table of corrections; name another file.")
        os.truncate(path, content.rindex(b"\n") + 1)
