"""An interrupt that got lost is raised again.

Python drops what is raised while objects are deleted or callbacks of weak references run, KeyboardInterrupt too: a
Ctrl-C at that moment would be printed as "Exception ignored", and a training go on for days.
"""

from __future__ import annotations

_noted: list[int] = []


def note_interrupt(number: int) -> None:
    """Remember a signal for which KeyboardInterrupt is raised now."""
    _noted.append(number)


def forget_interrupts() -> None:
    """Begin anew, as a command does that was not interrupted."""
    _noted.clear()


def raise_lost_interrupt() -> None:
    """Raise KeyboardInterrupt in a loop that goes on although one was raised before.

    Raises:
        KeyboardInterrupt: If a signal was noted.
    """
    if _noted:
        raise KeyboardInterrupt
