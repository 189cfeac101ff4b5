"""An override of the command line as it is read back: `data.root="my set (2)"`, whatever a folder is called."""

from __future__ import annotations

import re
from pathlib import Path

_PLAIN = re.compile(r"[\w/.+$%*@?|:-]+(?: [\w/.+$%*@?|:-]+)*")
"""What hydra reads without quotes; see its grammar of overrides."""


def override_text(key: str, path: Path | str) -> str:
    r"""Return an override of a path; for a shell it is quoted once more (`shlex.quote`).

    >>> override_text("data.root", "my set"), override_text("data.root", "my set (2)")
    ('data.root=my set', 'data.root="my set (2)"')
    """
    text = str(path)
    if _PLAIN.fullmatch(text):
        return f"{key}={text}"
    escaped = re.sub(r'(\\*)(")', lambda match: match[1] * 2 + r"\"", text)
    tail = len(escaped) - len(escaped.rstrip("\\"))
    return f'{key}="{escaped}{chr(92) * tail}"'
