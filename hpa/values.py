"""Whether the values of a config fit the parts that they are for, by the types of their constructors.

Checked before anything is made, so that a word of the command line is answered by its key. What a number may be follows
from its name, as names carry units: no probability above 1, no size below 1, nothing negative but what `_SIGNED` lists.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_type_hints

from hpa.core.errors import InputError, UsageError
from hpa.core.field import MICROSCOPE_UM
from hpa.core.json_file import MAX_WHOLE
from hpa.core.library_values import OF_LIBRARIES, as_written, wrong_for_library
from hpa.core.part_source import Settings, settings_of
from hpa.core.setting_types import A_PART, described, fits
from hpa.formats.image_header import MAX_VALUES
from hpa.targets import LIBRARY_CLASSES, SLOTS, TASKS, require_safe, require_slots

_SLOT = dict[str, Any] | None
SETTINGS: Mapping[str, Any] = {
    **dict.fromkeys(SLOTS, _SLOT),
    "task": Literal[TASKS],
    "corrected_weight": float,
    "plugins": Sequence[str],
    "resume": str | None,
    **dict.fromkeys(("world.images", "world.test_images", "world.size_px", "world.seed"), int),
    "world.name": str,
    "store.folder": str | None,
    "tiles.overlap_share": float,
    "tiles.batch_tiles": int,
    "tiles.side_px": int | None,
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
"""Types of the settings that belong to no part, and of the slots."""

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
_SHOWN = 5


def require_values(config: Mapping[str, Any]) -> None:
    """Refuse values that a part cannot take, and settings that it does not have.

    Args:
        config: A whole config, slot by slot, of plain values.

    Raises:
        UsageError: Naming each key with what is expected, what came and what the setting means.
        InputError: If a part does not fill its slot.
    """
    require_slots(config, "config")
    for read in (settings_of, _imported):  # libraries take seconds to import: after what our own modules say
        if wrong := [*_wrong_of(config, _Reader(read))]:
            raise UsageError(" ".join(wrong))


def require_saved(config: Any, where: str) -> None:
    """Refuse a saved config that is more than plain values, each of the type of its setting, and parts in their slots.

    Nothing is imported. Settings that this version does not have are left to whoever builds their part: another version
    may have written them for parts that are not needed.

    Args:
        config: A whole config, slot by slot.
        where: Where it comes from, for messages.

    Raises:
        InputError: Naming the key, what stands there and what may stand there.
    """
    require_safe(config, where)
    if wrong := [*_wrong_of(config, _Reader(settings_of, refuses_unknown=False))]:
        more = f" {len(wrong) - _SHOWN} more are wrong." if len(wrong) > _SHOWN else ""
        raise InputError(
            f"{where}: {' '.join(wrong[:_SHOWN])}{more} The file was changed, or another version wrote it: give "
            "another, or train again."
        )


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
    settings = _Reader(_imported).of(holder)
    meaning = _no_text if settings is None else _meanings(settings)
    value, expected = holder[name], SETTINGS.get(key) if settings is None else settings.types.get(name)
    yield f"{key}: a part or a group of settings" if isinstance(value, dict) else f"{key}={as_written(value)}"
    if text := meaning(name):
        yield f"  {text[2:-1]}."
    if expected is not None:
        yield f"  Expected: {described(expected)}."
    elif isinstance(value, dict):
        yield f"  Its settings: {_listed([name for name in value if not str(name).startswith('_')])}."


@dataclass(frozen=True)
class _Reader:
    """How the settings of a part are found, and whether those that it does not have are refused."""

    read: Callable[[str], Settings | None]
    refuses_unknown: bool = True

    def of(self, values: Mapping[str, Any]) -> Settings | None:
        """Return the settings of a part, None of a group without a class, or of one that is not read."""
        target = values.get("_target_")
        return None if target is None else self.read(str(target))


def _wrong_of(config: Mapping[str, Any], reader: _Reader) -> Iterator[str]:
    """Give a sentence for each value of a whole config that does not fit."""
    for key, value in config.items():
        yield from _wrong(key, value, SETTINGS.get(key, Any), _no_text, reader)


def _wrong(key: str, value: Any, expected: Any, meaning: Callable[[str], str], reader: _Reader) -> Iterator[str]:
    """Give a sentence for each value below a key that does not fit."""
    name = re.sub(r"\[\d+\]", "", str(key)).rpartition(".")[2]
    if value is None and name in _RUN_GIVES:
        return
    if not fits(value, expected):
        yield f"{key}={as_written(value)}: expected {described(expected)}{meaning(name)}.{_remedy(value, expected)}"
    elif expected is not Any and (numbers := [one for one in _numbers(value) if not _is_in_range(name, one)]):
        came = as_written(numbers[0])
        yield f"{key}={as_written(value)}: expected {_range(name, numbers[0])}, came {came}{meaning(name)}."
    elif isinstance(value, dict):
        yield from _wrong_inside(key, value, reader)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict | list):
                yield from _wrong(f"{key}[{index}]", one, Any, _no_text, reader)


def _wrong_inside(key: str, values: Mapping[str, Any], reader: _Reader) -> Iterator[str]:
    """Give a sentence for each wrong setting of a part, or of a group of settings."""
    settings = reader.of(values)
    meaning = _no_text if settings is None else _meanings(settings)
    for name, value in values.items():
        if str(name).startswith("_"):
            continue
        if settings is None:
            expected = Any if "_target_" in values else SETTINGS.get(f"{key}.{name}", Any)
        else:
            expected = settings.types.get(str(name), Any)
        if not reader.refuses_unknown and (values.get("_target_") in LIBRARY_CLASSES or name in OF_LIBRARIES):
            yield from wrong_for_library(f"{key}.{name}", value)
        if settings is None or settings.names is None or name in settings.names:
            yield from _wrong(f"{key}.{name}", value, expected, meaning, reader)
        elif reader.refuses_unknown:
            part_name = values["_target_"]
            yield f"{key}.{name}={as_written(value)}: {part_name} has no such setting, but {_listed(settings.names)}."


def _imported(target: str) -> Settings:
    """Return the settings of a class, of a library too."""
    if (found := settings_of(target)) is not None:
        return found
    module, _, name = target.rpartition(".")
    part = vars(importlib.import_module(module))[name]
    parameters = inspect.signature(part).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    try:
        types = get_type_hints(cast("Any", part).__init__)
    except NameError:  # types that a module imports for type checkers only
        types = {}
    return Settings(types, None if takes_any else tuple(parameters), "")


def _meanings(settings: Settings) -> Callable[[str], str]:
    text = inspect.cleandoc(settings.text)

    def meaning(name: str) -> str:
        found = re.search(rf"^    {re.escape(name)}: (.+(?:\n {{8}}.+)*)", text, flags=re.MULTILINE)
        return "" if found is None else f" ({' '.join(found[1].split()).rstrip('.')})"

    return meaning


def _no_text(name: str) -> str:
    del name
    return ""


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


def _remedy(value: Any, expected: Any) -> str:
    if isinstance(value, float) and value.is_integer() and fits(int(value), expected):
        return f" Write {int(value)}."
    if not isinstance(value, str) and value is not None and fits(str(value), expected):
        return " To write a number as a text, put it in quotes twice: key=\"'2024'\"."
    if described(expected) == A_PART:
        return " Choose it by its slot, with a slash: loss=focal, model/head=linear; --help SLOT lists the choices."
    return ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
