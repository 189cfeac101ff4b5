"""JSON that may come from strangers: whatever a file holds, reading it ends in values or in an error that is caught."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

MAX_WHOLE = (1 << 63) - 1
"""Of a whole number in a config: no setting needs more bits, and larger ones do not fit into arrays or fractions."""


def read_json(path: Path) -> Any:
    """Return the values of a file.

    Raises:
        OSError: If it is missing or cannot be read.
        ValueError: If it is no JSON in UTF-8, or as `parse_json`, or a pipe or device.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str | bytes) -> Any:
    """Return the values of a text.

    Raises:
        ValueError: If it is no JSON, nested without end, or holds a number without end, or a whole one of more than 64
            bits: what makes fractions or arrays of such a number raises another error, `OverflowError`.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("it is nested without end") from error


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is no finite number")
    return number


def _whole(text: str) -> int:
    if len(text) > 21 or abs(number := int(text)) >= 1 << 64:
        raise ValueError(f"the whole number {text[:20]}… has more than 64 bits")
    return number


def _constant(text: str) -> float:
    return math.nan if text == "NaN" else _finite(text)
