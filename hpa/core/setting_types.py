"""Whether a plain value is of the type of a setting, and such types in words."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from hpa.core.part_source import Part

A_PART = "a part"
_WORDS: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_PLAIN_SEQUENCES = (list, tuple, Sequence)
_PLAIN_MAPPINGS = (dict, Mapping)


def fits(value: Any, expected: Any) -> bool:
    """Return whether a plain value may become an argument of a type.

    >>> fits(1, float), fits(1.5, int), fits(None, int | None), fits([1, "a"], Sequence[int])
    (True, False, True, False)
    """
    origin, arguments = get_origin(expected), get_args(expected)
    if expected is Any or isinstance(expected, str):
        return True
    if isinstance(value, dict) and "_target_" in value:
        return expected not in (*_WORDS, Path, None, type(None))
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if expected in (None, type(None)):
        return value is None
    if expected in (bool, int, float, str, Path):
        return _is_plain(value, expected)
    if (origin or expected) in _PLAIN_SEQUENCES or (origin or expected) is set:
        return _is_list_of(value, origin, arguments)
    if (origin or expected) in _PLAIN_MAPPINGS:
        return isinstance(value, dict) and (len(arguments) < 2 or all(fits(v, arguments[1]) for v in value.values()))
    return expected is not Part and isinstance(value, dict)  # a part has a class


def _is_plain(value: Any, expected: type) -> bool:
    if expected in (bool, str, Path):
        return isinstance(value, str if expected is Path else expected)
    numbers = (int,) if expected is int else (int, float)
    return isinstance(value, numbers) and not isinstance(value, bool) and value == value  # NaN equals nothing


def _is_list_of(value: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if not isinstance(value, list | tuple):
        return False
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return all(fits(one, arguments[0]) for one in value) if arguments else True


def described(expected: Any) -> str:
    """Return a type in words.

    >>> described(int | None), described(Sequence[str])
    ('a whole number or null', 'a list, each a text')
    """
    origin, arguments = get_origin(expected), get_args(expected)
    if expected is Any:
        return "any value"
    if origin in (Union, types.UnionType):
        kinds = [one for one in arguments if one is not int or float not in arguments]  # a number may be whole
        return " or ".join(dict.fromkeys(described(one) for one in kinds))
    if origin is Literal:
        return ", ".join(map(str, arguments))
    if expected in (None, type(None)):
        return "null"
    if expected is Path:
        return _WORDS[str]
    if expected in _WORDS:
        return _WORDS[expected]
    if (origin or expected) in _PLAIN_SEQUENCES:
        inner = [one for one in arguments if one is not Ellipsis]
        return f"a list, each {described(inner[0])}" if inner else "a list"
    if (origin or expected) in _PLAIN_MAPPINGS:
        return "settings by name"
    return A_PART
