"""Errors addressed to the user: what was expected, what came, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_MAX_LINE = 4000
"""Letters: a name out of a file may have millions, and a terminal, a log or a page is to hold the message."""


def printable(text: str) -> str:
    r"""Return a text with control characters (all but line breaks and tabs) written as escapes.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    if text.replace("\n", "").isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)


class InputError(ValueError):
    """Input that cannot be used; the message names what was expected, what came and what to do."""

    def __str__(self) -> str:
        """Return the message as a terminal may print it, without the traceback that PyTorch's loaders put before it.

        Ids may come from strangers, and hold characters that command a terminal.
        """
        message = super().__str__()
        if message.startswith("Caught "):
            message = message.rpartition(f"\n{type(self).__module__}.{type(self).__qualname__}: ")[2].strip()
        return "\n".join(map(_shortened, printable(message).split("\n")))


def _shortened(line: str) -> str:
    return line if len(line) <= _MAX_LINE else f"{line[: _MAX_LINE // 2]} … {line[-_MAX_LINE // 2 :]}"


class MissingChannelError(InputError):
    """Images lack channels that are wanted.

    Attributes:
        missing: Those.
        available: The channels that the images have.
    """

    def __init__(self, message: str, missing: Sequence[str] = (), available: Sequence[str] = ()) -> None:
        super().__init__(message)  # alone where a worker process raised it
        self.missing = tuple(missing)
        self.available = tuple(available)


class UsageError(InputError):
    """The words of a command line do not fit each other, or what they are for."""


def explained(error: OSError | MemoryError) -> str | None:
    """Return what the system refused and what to do, None of an error without a file, which is a fault of ours.

    >>> explained(OSError(36, "File name too long", "x"))
    'x: File name too long; check the path, and whether it may be read and written.'
    """
    if isinstance(error, MemoryError):
        return "memory does not suffice; free some, or give smaller or fewer files at once."
    if error.filename is None:
        return None
    return printable(f"{error.filename}: {error.strerror}; check the path, and whether it may be read and written.")


@dataclass(frozen=True)
class Problem:
    """One defect of one thing the user gave, e.g. of one row or one file."""

    subject: str
    """What is wrong: an image id, `train.csv row 7`, a path."""
    reason: str
    """Why, and what to do."""

    def __str__(self) -> str:
        """Read as `subject: reason`."""
        return printable(f"{self.subject}: {self.reason}")


class DataError(InputError):
    """All the defects of a data set at once, so that they can be fixed in one go."""

    def __init__(self, where: str, problems: Sequence[Problem], shown: int = 50) -> None:
        self.where = where
        self.problems = tuple(problems)
        self._shown = shown
        lines = [f"{where}: {len(problems)} problem{'s' if len(problems) != 1 else ''}"]
        lines += [f"  - {problem}" for problem in problems[:shown]]
        if len(problems) > shown:
            lines.append(f"  … and {len(problems) - shown} more")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process make the same error: it is not made from its message."""
        return type(self), (self.where, self.problems, self._shown)
