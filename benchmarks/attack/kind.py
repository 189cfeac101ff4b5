"""What a kind of bad input is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """One kind of bad input.

    Attributes:
        name: In a few words.
        command: Words after `hpa`.
        says: What the message must hold: the file, what was expected, what to do.
        files: What is changed in a sound set of files; None removes a file, a function makes what is large when it
            is needed.
        code: Exit code.
        disk_is_full: Whether no file of more than a few bytes can be written.
    """

    name: str
    command: str
    says: tuple[str, ...]
    files: Mapping[str, bytes | Callable[[], bytes] | None] = field(default_factory=dict)
    code: int = 1
    disk_is_full: bool = False
