"""Settings given as a mapping, as the words of a command line: `{"optimizer.learning_rate": 1e-3}`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hpa.core.errors import InputError

Settings = Mapping[str, object]
"""Keys and choices as on the command line of `train.py` and `infer.py`, with Python values."""

_PLAIN = re.compile(r"[A-Za-z_][\w./:@+-]*", re.ASCII)
_RESERVED = ("null", "true", "false", "nan", "inf")


def words_of(settings: Settings | None) -> list[str]:
    """Return one word `key=value` for each setting.

    >>> words_of({"loss": "focal", "data.root": "my data", "trainer.max_epochs": 3, "data.channels": ["green"]})
    ['loss=focal', "data.root='my data'", 'trainer.max_epochs=3', 'data.channels=[green]']

    Raises:
        InputError: If they are no mapping, or a value is no plain value.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise InputError(f'settings are a mapping, e.g. {{"loss": "focal"}}; came {settings!r:.60}.')
    return [f"{key}={_text(value, key)}" for key, value in (settings or {}).items()]


def _text(value: object, key: str) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return _quoted(str(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_text(inner, key)}" for name, inner in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(_text(inner, key) for inner in value) + "]"
    raise InputError(
        f"{key}: a {type(value).__name__} is no setting; numbers, texts, lists, mappings, True, False and None are."
    )


def _quoted(text: str) -> str:
    """Return a text as hydra reads it back: in quotes unless it is a plain word."""
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    escaped = re.sub(r"(\\*)'", lambda match: match[1] * 2 + r"\'", text)
    return f"'{escaped}{chr(92) * (len(text) - len(text.rstrip(chr(92))))}'"
