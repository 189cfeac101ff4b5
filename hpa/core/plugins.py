"""Packages of others whose parts and configs may be used: named by the user, or installed and declared as such.

A plugin is a package with a folder `conf/`. `plugins=[PACKAGE]` names it; an installed package may declare itself by
the entry point `hpa.plugins`. What a checkpoint or a config of a stranger names is never imported because of that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError

ENTRY_POINT = "hpa.plugins"
SETTING = "HPA_PLUGINS"
"""Variable with the names of plugins; jobs of a sweep and processes of other devices inherit it."""
_named: dict[str, Path] = {}
"""Folder of each package that the user named in this process."""


def name_plugins(names: Sequence[str]) -> None:
    """Take packages that the user names; one that is not installed is looked for in the present folder.

    Raises:
        InputError: If there is no such package, or it is no plugin.
    """
    for name in names:
        _named[name] = _folder_of(name)
    if names:
        os.environ[SETTING] = ",".join(_named)


def plugin_folder(package: str) -> Path | None:
    """Return the folder of a package that may be used, None of every other one; nothing is imported."""
    return _all_named().get(package) or declared_plugins().get(package)


def plugin_configs() -> list[Path]:
    """Return the folders `conf/` of all plugins, those that were named first."""
    return [folder / "conf" for folder in {**_all_named(), **declared_plugins()}.values()]


def plugins_of(config: Any) -> list[str]:
    """Return the plugins whose classes a config names."""
    if isinstance(config, dict):
        target = config.get("_target_")
        own = [target.partition(".")[0]] if isinstance(target, str) else []
        return sorted({*filter(plugin_folder, own), *(name for value in config.values() for name in plugins_of(value))})
    return sorted({name for value in config for name in plugins_of(value)}) if isinstance(config, list | tuple) else []


def search_path_word(root: Path) -> str:
    """Return the word that lets hydra find recipes, and the choices and recipes of plugins."""
    folders = [root, *plugin_configs()]
    return f"hydra.searchpath=[{','.join(_in_quotes(f'file://{folder}') for folder in folders)}]"


def _in_quotes(text: str) -> str:
    return "'" + text.replace("'", r"\'") + "'"


def _all_named() -> dict[str, Path]:
    """Return the packages that this process named, or the one that started it, or the user by the variable."""
    for name in filter(None, os.environ.get(SETTING, "").split(",")):
        if name not in _named:
            _named[name] = _folder_of(name)
    return _named


@cache
def declared_plugins() -> dict[str, Path]:
    """Return the folders of the installed packages that declare themselves."""
    packages = {point.value.partition(":")[0].partition(".")[0] for point in entry_points(group=ENTRY_POINT)}
    return {package: _folder_of(package) for package in sorted(packages)}


def _folder_of(package: str) -> Path:
    if not package.isidentifier() or package == "hpa":
        raise InputError(f"plugins={package}: the name of a package is expected, e.g. plugins=[mylab].")
    here = Path.cwd()
    if find_spec(package) is None and (here / package).is_dir() and str(here) not in sys.path:
        sys.path.append(str(here))  # at the end: nothing that is installed is replaced
    spec = find_spec(package)  # of a topmost package: nothing is imported
    if spec is None:
        raise InputError(
            f"plugins={package}: there is no such package; install it, or run the command in the folder it lies in."
        )
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    if not folders or not (folders[0] / "conf").is_dir():
        raise InputError(f"plugins={package}: is no plugin; a package with a folder conf/ is expected.")
    return folders[0]
