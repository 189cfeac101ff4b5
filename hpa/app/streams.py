"""Streams that outlast whoever reads them: what a command prints may be lost, its work may not.

A log on a full disk, a reader that ended (`| head`), or streams that were closed by what started the command (`>&-`,
daemons, some schedulers) end no training. A closed stream is opened to nowhere before anything else is opened: its
number would be given to the next file, and what libraries print would be written into that.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import Any

_NAMES = ("stdin", "stdout", "stderr")


class _Lasting(io.FileIO):
    """A file descriptor to which writing never fails; `error` is the first reason why something was lost."""

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or count what nobody takes as written; wait where the reader is slow and does not let one wait."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
            return written
        except OSError as error:
            self.error = self.error or error
            return memoryview(data).nbytes


def outlast_readers() -> None:
    """Make the streams of this process such; streams that others put in their place stay (notebooks, tests)."""
    for number in range(len(_NAMES)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest free number, which is this one
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w" if number else "r", encoding="utf-8"))  # noqa: SIM115
        elif number and getattr(sys, name) is getattr(sys, f"__{name}__"):
            setattr(sys, name, _lasting(getattr(sys, name), number))


def lost_output() -> str:
    """Return why what was printed to stdout is lost, "" where it is not, or its reader has seen enough (`| head`)."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(raw, _Lasting) or raw.error is None or raw.error.errno == errno.EPIPE:
        return ""
    return (
        f"stdout cannot be written ({raw.error.strerror}): what this command printed is lost, the files that it writes "
        "are not; send stdout elsewhere."
    )


def _lasting(stream: io.TextIOWrapper, number: int) -> io.TextIOWrapper:
    """Return a stream of the same number, which shows letters that its encoding lacks as escapes."""
    stream.flush()
    buffer = io.BufferedWriter(_Lasting(number, "w", closefd=False))
    is_read_at_once = stream.line_buffering or number == 2
    return io.TextIOWrapper(
        buffer, encoding=stream.encoding, errors="backslashreplace", newline=None, line_buffering=is_read_at_once
    )
