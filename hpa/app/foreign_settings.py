"""Settings of another workload: refused, since passing them over would let people believe that they did something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpa.config import Config
from hpa.core.errors import InputError


@dataclass(frozen=True)
class Foreign:
    """A setting that has a meaning for another workload alone.

    Attributes:
        unset: What stands in the shipped config, of a part its class is enough; anything else was asked for.
        reason: Why it has no meaning here.
        remedy: What to do instead.
    """

    unset: Any
    reason: str
    remedy: str


def refuse(config: Config, settings: Mapping[str, Foreign], told: str) -> None:
    """Refuse the settings that were asked for.

    Args:
        config: Of a command; a setting that it does not hold was not asked for.
        settings: By their names.
        told: What the error begins with.

    Raises:
        InputError: Naming each with what it was set to, why it has no meaning, and what to do.
    """
    asked = [
        f"{key}={_short(config[key])}: {setting.reason}; {setting.remedy}"
        for key, setting in settings.items()
        if key in config and not _as_shipped(config[key], setting.unset)
    ]
    if asked:
        raise InputError(f"{told}. {'. '.join(asked)}.")


def _as_shipped(value: Any, unset: Any) -> bool:
    if isinstance(value, dict) and isinstance(unset, dict) and [*unset] == ["_target_"]:
        return value.get("_target_") == unset["_target_"]
    return bool(value == unset)


def _short(value: Any) -> str:
    """Return a value as it may have been written: a part by the name of its class."""
    if isinstance(value, dict):
        target = value.get("_target_")
        return str(target).rpartition(".")[2] if target else f"[{', '.join(map(str, value))}]"
    return str(value).replace("'", "")
