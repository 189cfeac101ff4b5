"""What an attack counts, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

HEADER = (
    "| attack | tries | refused | crashes | hangs | out of memory |"
    " wrong successes | tracebacks | peak memory | time |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


class Outcome(Enum):
    """How one try ended as it should."""

    REFUSED = "refused"
    """In words: an InputError, or a command's exit code and message."""
    ACCEPTED = "accepted"
    """With the right result."""


class WrongSuccessError(Exception):
    """Input was accepted that must not be, refused that is sound, or gave a wrong result."""


@dataclass(frozen=True)
class Figures:
    """The result of an attack.

    Attributes:
        name: Of the attack.
        tries: Inputs tried, or processes killed.
        refused: Tries that ended with words for the user.
        crashes: Processes that died of a signal.
        hangs: Tries that took longer than the limit.
        out_of_memory: Tries that needed more memory than the limit.
        wrong_successes: Tries with a wrong result (or, after a kill, another result than that of an undisturbed run).
        tracebacks: Tries that ended in an exception that is not meant for users.
        peak_mb: Highest memory of any process, MB.
        seconds: Taken.
        failures: The first failures, in words, each with the number of its try.
    """

    name: str
    tries: int = 0
    refused: int = 0
    crashes: int = 0
    hangs: int = 0
    out_of_memory: int = 0
    wrong_successes: int = 0
    tracebacks: int = 0
    peak_mb: float = 0.0
    seconds: float = 0.0
    failures: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed."""
        return not (self.crashes or self.hangs or self.out_of_memory or self.wrong_successes or self.tracebacks)

    def __str__(self) -> str:
        """Return the row of the table."""
        counts = [self.tries, self.refused, self.crashes, self.hangs, self.out_of_memory]
        counts += [self.wrong_successes, self.tracebacks]
        cells = [self.name, *(f"{count:,}" for count in counts), f"{self.peak_mb:.0f} MB", f"{self.seconds:.0f} s"]
        return f"| {' | '.join(cells)} |"
