"""JSON that may come from strangers: whatever a file holds, reading it ends in values or in an error that is caught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """Return the values of a file.

    Raises:
        OSError: If it is missing or cannot be read.
        ValueError: If it is no JSON in UTF-8, nested without end, or a pipe or device.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested without end") from error
