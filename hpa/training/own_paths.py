"""The seal in a run's config.yaml, and what the config of another may not do: name files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from hpa.config import Config
from hpa.core.ownership import is_own, require_no_paths

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
        InputError: Naming the paths of another's run.
    """
    seals = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(SEAL)]
    if not is_own(config, seals[-1].removeprefix(SEAL) if seals else ""):
        used = {key: value for key, value in config.items() if not parts or key in parts}
        require_no_paths(used, "", file, frozenset(word.partition("=")[0] for word in given))
