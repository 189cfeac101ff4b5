"""What differs between the settings of two runs, in names that a user can change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def differences(one: Any, other: Any) -> list[str]:
    """Return what differs between two fingerprints, each as `name: value, value`.

    >>> differences({"tta": {"average": "logits"}, "split": "test"}, {"tta": {"average": "ranks"}, "split": "test"})
    ['tta.average: logits, ranks']
    """
    first, second = dict(_leaves(one, "")), dict(_leaves(other, ""))
    names = [*first, *(name for name in second if name not in first)]
    return [
        f"{name}: {first.get(name, 'nothing')}, {second.get(name, 'nothing')}"
        for name in names
        if first.get(name, "nothing") != second.get(name, "nothing")
    ]


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield the values with their dotted names, as text."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif (
        isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(item, Mapping) for item in value)
    ):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{name}.{index}" if name else str(index))
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)
