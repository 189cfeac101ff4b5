"""The seal in a run's config.yaml, and what the config of another may not do: name files."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from hpa.config import Config
from hpa.core.errors import InputError
from hpa.core.ownership import is_own, require_no_paths
from hpa.core.paths import named_paths

SEAL = "# seal: "
"""Begins the last line of a config; YAML passes over it."""


def require_own_paths(file: Path, config: Config, given: Sequence[str], parts: Collection[str] = ()) -> None:
    """Do nothing where a run is this user's, or another's whose paths are all given in the command.

    Args:
        file: The run's config.yaml.
        config: What was read of it.
        given: Words of the command, `key=value`.
        parts: Those that are about to be built; none stands for all.

    Raises:
        InputError: Naming the paths of another's run, or a link in its folder.
    """
    seals = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(SEAL)]
    if not is_own(config, seals[-1].removeprefix(SEAL) if seals else ""):
        if links := [path.relative_to(file.parent) for path in file.parent.rglob("*") if path.is_symlink()]:
            raise InputError(
                f"{file.parent}: this run is of another user or machine, and {links[0]} is a link to elsewhere; put "
                "the file or folder itself in its place."
            )
        used = {key: value for key, value in config.items() if not parts or key in parts}
        require_no_paths(used, "", file, frozenset(word.partition("=")[0] for word in given))


def with_paths_of(saved: Config, wanted: Config, folder: Path) -> Config:
    """Return the config of a stage that was begun, whose files and folders are those that its chain names now.

    A chain may be another's, or have moved: its own config has been checked, those of its stages have not.

    Args:
        saved: Of the stage.
        wanted: Of the stage as the chain would begin it now.
        folder: Of the stage.

    Raises:
        InputError: If the stage names a file that the chain does not.
    """
    result = copy.deepcopy(saved)
    for key in dict.fromkeys(key for key, _ in named_paths(saved)):
        *parents, last = key.split(".")
        try:
            source: Any = wanted
            target: Any = result
            for part in parents:
                source, target = source[part], target[part]
            target[last] = copy.deepcopy(source[last])
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{folder}: its config names {key}, that of its chain does not; delete this folder and resume again: "
                "the stage is trained anew."
            ) from error
    return result
