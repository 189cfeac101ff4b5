"""Turns a resolved config into parts."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from hpa.core.errors import InputError
from hpa.core.file_names import require_no_device
from hpa.core.paths import named_paths, with_paths
from hpa.targets import require_plain, require_targets

Config = dict[str, Any]
_TO_DO = "Write what is missing and leave out what is unknown; where another version began the run, begin a new one."


def plain(config: DictConfig) -> Config:
    """Return a composed config resolved, as plain types.

    Raises:
        InputError: If a value is missing, refers to nothing, is no finite number, or names a device or a pipe.
    """
    try:
        values = with_paths(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
        _require_finite(values, "")
        for _, path in named_paths(values):
            if "://" not in path:  # of a store, a tracker or a cluster: no file of this machine
                require_no_device(Path(path))
        return cast("Config", values)
    except OmegaConfBaseException as error:
        key = error.full_key or "the config"
        reason = "a value is needed" if isinstance(error, MissingMandatoryValue) else str(error).splitlines()[0]
        raise InputError(f"{key}: {reason}; write {key}=… on the command line.") from error


def _require_finite(node: Any, key: str) -> None:
    """Refuse NaN and infinity: comparisons with them are false, so that no check of a setting would notice."""
    if isinstance(node, dict):
        for name, value in node.items():
            _require_finite(value, f"{key}.{name}".lstrip("."))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _require_finite(value, f"{key}[{index}]")
    elif isinstance(node, float) and not math.isfinite(node):
        raise InputError(f"{key}={node}: a finite number is expected; write one.")


def build(part: Config, **given: Any) -> Any:
    """Instantiate a part of a config, handing it what only the composition root knows.

    Raises:
        InputError: If the part is not made of plain values, names no part of this package, or refuses its values.
    """
    _require_part(part)
    if part.get("_partial_"):
        raise InputError(f"The config has _partial_ in {part.get('_target_')}, which is a whole part; remove it.")
    try:
        return instantiate(_without_tasks(part), **given, _convert_="all")
    except InstantiationException as error:
        cause = _cause_for_users(error)
        if isinstance(cause, InputError | MemoryError):
            raise cause from None
        if isinstance(cause, ImportError | OSError):  # a package that is missing, a library that cannot be mapped
            raise InputError(
                f"{part.get('_target_')}: cannot be built here ({cause}); install what is missing, or check the path."
            ) from error
        raise InputError(f"The config does not fit its part: {str(error).strip()}. {_TO_DO}") from error


def _cause_for_users(error: BaseException) -> BaseException | None:
    """Return the first cause of an error that has words for the user, else what led to it directly."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__cause__
    return cause or error.__cause__


def build_each(parts: Mapping[str, Any], slot: str) -> list[Any]:
    """Instantiate the parts of a slot that holds several, each by its name.

    Raises:
        InputError: If one has settings but names no class, or as `build`.
    """
    for name, part in parts.items():
        if not isinstance(part, dict) or "_target_" not in part:
            raise InputError(
                f"{slot}.{name}: has settings and no class; choose {slot}={name} or {slot}=[A,B] first, then write "
                f"{slot}.{name}.SETTING=…; --help {slot} lists the choices."
            )
    return [build(part) for part in parts.values()]


def build_nested(part: Config, **shared: Any) -> Any:
    """Instantiate a part with all parts inside it; of `shared`, each gets the arguments that its constructor names.

    Raises:
        InputError: If the part is not made of plain values, names no part of this package, or refuses its values.
    """
    _require_part(part)
    return _nested(part, shared)


def _require_part(part: Any) -> None:
    require_plain(part, "config")
    require_targets(part, "config", "part")
    if not isinstance(part, dict) or "_target_" not in part:
        raise InputError(
            f"The config has {str(part)[:60]} where a part is expected, which names its class by _target_. {_TO_DO}"
        )


def _nested(node: Any, shared: Mapping[str, Any]) -> Any:
    if isinstance(node, list | tuple):
        return [_nested(value, shared) for value in node]
    if not isinstance(node, dict):
        return node
    values = {name: _nested(value, shared) for name, value in node.items() if not str(name).startswith("_")}
    if "_target_" not in node:
        return values
    part = get_class(node["_target_"])
    names = inspect.signature(part).parameters
    arguments = {name: value for name, value in shared.items() if name in names} | values
    try:
        return functools.partial(part, **arguments) if node.get("_partial_") else part(**arguments)
    except InputError:
        raise
    except Exception as error:  # values come from the user, and parts refuse them in many ways, as `instantiate` knows
        raise InputError(f"The config does not fit {node['_target_']}: {error}. {_TO_DO}") from error


def require_task(config: Config, choices: Mapping[str, str] | None = None) -> None:
    """Refuse parts that serve another task than the config's: those whose `_task_` names another one.

    Args:
        config: A training's config.
        choices: Which file fills each slot, for the message.

    Raises:
        InputError: Naming each part, the task it serves, and what to do.
    """
    task = config["task"]
    foreign = []
    for key, target, served in _parts_of_tasks(config):
        if served != task:
            slot = key.split(".")[0]
            name = f"{slot}={choices[slot]}" if choices and slot in choices else key
            foreign.append(
                f"{name}: {target.rpartition('.')[2]} ({key}) serves task={served}, and this is task={task}; leave "
                f"{slot}= out, since task={task} has its own, choose another {slot}=, or set task={served}"
            )
    if foreign:
        raise InputError(". ".join(foreign) + ".")


def _parts_of_tasks(node: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Give the key, the class and the task of every part that states which task it serves."""
    if isinstance(node, dict):
        if node.get("_task_") is not None:
            yield key, str(node.get("_target_")), node["_task_"]
        for name, value in node.items():
            yield from _parts_of_tasks(value, f"{key}.{name}".lstrip("."))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _parts_of_tasks(value, f"{key}[{index}]")


def _without_tasks(node: Any) -> Any:
    """Return a copy without the tasks that parts serve, which are not their arguments."""
    if isinstance(node, dict):
        return {key: _without_tasks(value) for key, value in node.items() if key != "_task_"}
    return [_without_tasks(value) for value in node] if isinstance(node, list | tuple) else node
