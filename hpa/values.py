"""Whether the values of a config fit the parts that they are for, by the types of their constructors.

Checked before anything is made, so that a word of the command line is answered by its key. What a number may be follows
from its name, as names carry units: no probability above 1, no size below 1, nothing negative but what `_SIGNED` lists.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from hpa.core.errors import UsageError
from hpa.core.field import MICROSCOPE_UM
from hpa.core.json_file import MAX_WHOLE
from hpa.formats.image_header import MAX_VALUES
from hpa.targets import require_slots

SETTINGS: Mapping[str, Any] = {
    "seed": int,
    "run_dir": str | None,
    "report": bool,
    "ckpt": str | Sequence[str],
    "split": Literal["train", "test"],
    "out": str,
    "overwrite": bool,
    "device": str,
    "precision": str,
    "shard": str | None,
    "budget_hours": float | None,
    "budget_reserve_share": float,
    "when_late": str | Sequence[str],
    "workers": int | Literal["join"],
    "threads": int,
    "timings": str | None,
    "compile": bool,
    "batch_cells": int,
    "block_images": int,
    "fields_at_once": int,
    "megapixels_at_once": float,
    "tags": Sequence[str],
    "print_config": bool,
}
"""Types of the settings that belong to no part."""

_SHARE = re.compile(r"(^|_)(share|probability|prior|rate|decay|momentum|iou|quantile)$")
_ANY_RATE = ("learning_rate",)
_AT_LEAST_ONE = re.compile(
    r"^(max_epochs|accumulate_batches|patience_epochs|count|nodes|side_px|batch_\w+|cells_per_image|\w+_at_once|"
    r"block_images|max_per_image|images|test_images|size_px|fields|rounds_of_\w+)$"
)
_SIGNED: tuple[str, ...] = ("devices",)
_AT_MOST: Mapping[str, int] = {
    **dict.fromkeys(("workers", "threads", "devices", "nodes"), 1024),
    **dict.fromkeys(("side_px", "size_px"), math.isqrt(MAX_VALUES)),
    **dict.fromkeys(("images", "test_images"), 1_000_000),
}
"""Of what is made at once: more of them stop a machine before it can answer."""
_RUN_GIVES = ("class_names",)
"""Settings that are null where the run decides them."""
_WORDS: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_PLAIN_SEQUENCES = (list, tuple, Sequence)
_PLAIN_MAPPINGS = (dict, Mapping)


def require_values(config: Mapping[str, Any]) -> None:
    """Refuse values that a part cannot take, and settings that it does not have.

    Args:
        config: A whole config, slot by slot, of plain values.

    Raises:
        UsageError: Naming each key with what is expected, what came and what the setting means.
        InputError: If a part does not fill its slot.
    """
    require_slots(config, "config")
    wrong = [
        sentence for key, value in config.items() for sentence in _wrong(key, value, SETTINGS.get(key, Any), _no_text)
    ]
    if wrong:
        raise UsageError(" ".join(wrong))


def described_key(config: Mapping[str, Any], key: str) -> Iterator[str]:
    """Give lines on one key of a config: its value, what it means, and what may be written.

    Args:
        config: A whole config, of plain values.
        key: One of its keys, e.g. `trainer.max_epochs`.
    """
    *places, name = key.split(".")
    holder: Any = config
    for place in places:
        holder = holder[place]
    part = _class_of(holder)
    hints, _, meaning = (SETTINGS, None, _no_text) if part is None else _settings_of(part)
    value, expected = holder[name], hints.get(name)
    yield f"{key}: a part or a group of settings" if isinstance(value, dict) else f"{key}={_as_written(value)}"
    if text := meaning(name):
        yield f"  {text[2:-1]}."
    if expected is not None:
        yield f"  Expected: {_described(expected)}."
    elif isinstance(value, dict):
        yield f"  Its settings: {_listed([name for name in value if not str(name).startswith('_')])}."


def _wrong(key: str, value: Any, expected: Any, meaning: Callable[[str], str]) -> Iterator[str]:
    """Give a sentence for each value below a key that does not fit."""
    name = re.sub(r"\[\d+\]", "", key).rpartition(".")[2]
    if value is None and name in _RUN_GIVES:
        return
    if not _fits(value, expected):
        yield f"{key}={_as_written(value)}: expected {_described(expected)}{meaning(name)}.{_remedy(value, expected)}"
    elif expected is not Any and (numbers := [one for one in _numbers(value) if not _is_in_range(name, one)]):
        came = _as_written(numbers[0])
        yield f"{key}={_as_written(value)}: expected {_range(name, numbers[0])}, came {came}{meaning(name)}."
    elif isinstance(value, dict):
        yield from _wrong_inside(key, value)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict | list):
                yield from _wrong(f"{key}[{index}]", one, Any, _no_text)


def _wrong_inside(key: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Give a sentence for each wrong setting of a part, or of a group of settings."""
    part = _class_of(values)
    hints, settings, meaning = ({}, None, _no_text) if part is None else _settings_of(part)
    for name, value in values.items():
        if str(name).startswith("_"):
            continue
        if settings is not None and name not in settings:
            part_name = values["_target_"]
            yield f"{key}.{name}={_as_written(value)}: {part_name} has no such setting, but {_listed(settings)}."
        else:
            yield from _wrong(f"{key}.{name}", value, hints.get(str(name), Any), meaning)


def _class_of(values: Mapping[str, Any]) -> type | None:
    target = values.get("_target_")
    if target is None:
        return None
    module, _, name = str(target).rpartition(".")
    return vars(importlib.import_module(module))[name]


def _settings_of(part: type) -> tuple[dict[str, Any], list[str] | None, Callable[[str], str]]:
    """Return the types of a part's settings, their names (None where it takes any), and what each means."""
    parameters = inspect.signature(part).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    try:
        hints = get_type_hints(cast("Any", part).__init__)
    except NameError:  # types that a module imports for type checkers only
        hints = {}
    own = part.__module__.startswith("hpa.")
    return hints, None if takes_any else list(parameters), _meanings(part) if own else _no_text


def _meanings(part: type) -> Callable[[str], str]:
    text = inspect.getdoc(part) or ""

    def meaning(name: str) -> str:
        found = re.search(rf"^    {re.escape(name)}: (.+(?:\n {{8}}.+)*)", text, flags=re.MULTILINE)
        return "" if found is None else f" ({' '.join(found[1].split()).rstrip('.')})"

    return meaning


def _no_text(name: str) -> str:
    del name
    return ""


def _fits(value: Any, expected: Any) -> bool:
    """Return whether a plain value may become an argument of a type.

    >>> _fits(1, float), _fits(1.5, int), _fits(None, int | None), _fits([1, "a"], Sequence[int])
    (True, False, True, False)
    """
    origin, arguments = get_origin(expected), get_args(expected)
    if expected is Any or isinstance(expected, str):
        return True
    if isinstance(value, dict) and "_target_" in value:
        return expected not in (*_WORDS, Path, None, type(None))
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if expected in (None, type(None)):
        return value is None
    if expected in (bool, int, float, str, Path):
        return _is_plain(value, expected)
    if (origin or expected) in _PLAIN_SEQUENCES or (origin or expected) is set:
        return _is_list_of(value, origin, arguments)
    if (origin or expected) in _PLAIN_MAPPINGS:
        return isinstance(value, dict) and (len(arguments) < 2 or all(_fits(v, arguments[1]) for v in value.values()))
    return isinstance(value, dict)  # a part


def _is_plain(value: Any, expected: type) -> bool:
    if expected in (bool, str, Path):
        return isinstance(value, str if expected is Path else expected)
    numbers = (int,) if expected is int else (int, float)
    return isinstance(value, numbers) and not isinstance(value, bool) and value == value  # NaN equals nothing


def _is_list_of(value: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if not isinstance(value, list | tuple):
        return False
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    return all(_fits(one, arguments[0]) for one in value) if arguments else True


def _numbers(value: Any) -> Iterator[float]:
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, int | float) and not isinstance(one, bool):
            yield one


def _is_in_range(name: str, value: float) -> bool:
    low, high = _bounds(name)
    return low <= value <= high and abs(value) <= MAX_WHOLE


def _bounds(name: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a number, by its name.

    >>> _bounds("max_share"), _bounds("learning_rate"), _bounds("side_px")
    ((0, 1), (0, inf), (1, 23170))
    """
    if name in _SIGNED:
        return -math.inf, _AT_MOST.get(name, math.inf)
    if name in _AT_MOST:
        return 1 if _AT_LEAST_ONE.fullmatch(name) else 0, _AT_MOST[name]
    if _AT_LEAST_ONE.fullmatch(name):
        return 1, math.inf
    if name == "pixel_um":
        return MICROSCOPE_UM
    return 0, 1 if _SHARE.search(name) and name not in _ANY_RATE else math.inf


def _range(name: str, value: float) -> str:
    """Return in words what a number that is out of range might be."""
    low, high = _bounds(name)
    high = high if abs(value) <= MAX_WHOLE else min(high, MAX_WHOLE)
    most = f"{low:,} to {high:,}" if math.isfinite(low) else f"at most {high:,}"
    return most if math.isfinite(high) else f"{low:g} or more"


def _described(expected: Any) -> str:
    """Return a type in words.

    >>> _described(int | None), _described(Sequence[str])
    ('a whole number or null', 'a list, each a text')
    """
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        kinds = [one for one in arguments if one is not int or float not in arguments]  # a number may be whole
        return " or ".join(dict.fromkeys(_described(one) for one in kinds))
    if origin is Literal:
        return _listed([str(one) for one in arguments])
    if expected in (None, type(None)):
        return "null"
    if expected is Path:
        return _WORDS[str]
    if expected in _WORDS:
        return _WORDS[expected]
    if (origin or expected) in _PLAIN_SEQUENCES:
        inner = [one for one in arguments if one is not Ellipsis]
        return f"a list, each {_described(inner[0])}" if inner else "a list"
    if (origin or expected) in _PLAIN_MAPPINGS:
        return "settings by name"
    return "a part"


def _remedy(value: Any, expected: Any) -> str:
    if isinstance(value, float) and value.is_integer() and _fits(int(value), expected):
        return f" Write {int(value)}."
    if not isinstance(value, str) and value is not None and _fits(str(value), expected):
        return " To write a number as a text, put it in quotes twice: key=\"'2024'\"."
    if _described(expected) == "a part":
        return " Choose it by its slot, with a slash: loss=focal, model/head=linear; --help SLOT lists the choices."
    return ""


def _as_written(value: Any) -> str:
    if value is None:
        return "null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
