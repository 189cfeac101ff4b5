"""What a saved config may give to classes of libraries; their own types are not read, as that would import them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

OF_LIBRARIES = ("decoder", "arguments")
"""Settings of our parts that hand what is in them to a library."""
_LIBRARY_WORD = re.compile(r"[\w+:-]{0,64}", re.ASCII)
_LIBRARY_MOST = (1 << 16) - 1
"""Of what a saved config gives to a library: levels of 16 bit; sides, counts and rates are smaller."""
_COUNTED = re.compile(r"\.(seed|\w*(steps|batches|epochs|interval))(\.\d+)?$")
"""Settings that count what passes, and reserve nothing: a long training has more of them."""


def wrong_for_library(key: str, value: Any) -> Iterator[str]:
    """Give a sentence for each value that a library must not be given by a stranger: files, addresses, huge numbers."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for name, one in entries:
            if not (isinstance(one, dict) and "_target_" in one) and not str(name).startswith("_"):
                yield from wrong_for_library(f"{key}.{name}", one)
    elif isinstance(value, str) and not _LIBRARY_WORD.fullmatch(value):
        yield f"{key}={as_written(value)}: expected a word, no file or address."
    elif isinstance(value, int | float) and not (abs(value) <= _LIBRARY_MOST or _COUNTED.search(key)):  # NaN too
        yield f"{key}={as_written(value)}: expected a number of at most {_LIBRARY_MOST:,}."


def as_written(value: Any) -> str:
    """Return a value as it is written on the command line, shortened."""
    if value is None:
        return "null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
