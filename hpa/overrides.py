"""The words of a command line: composed with `conf/`, or set in a saved config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpa.config import Config, plain
from hpa.core.errors import InputError, UsageError
from hpa.core.nearest import did_you_mean
from hpa.core.paths import quote_paths
from hpa.core.plugins import name_plugins, search_path_word


def compose_config(root: Path, name: str, overrides: Sequence[str]) -> DictConfig:
    """Return a config composed from the words of a command line; values may still be missing.

    Args:
        root: Folder with conf/ and experiments/.
        name: `train` or `infer`.
        overrides: E.g. `segmenter=watershed`, `segmenter.reach_um=20`.

    Raises:
        InputError: If there is no conf/.
        UsageError: If an override does not fit.
    """
    return _composed(root, name, overrides)


def choices_of(root: Path, name: str, overrides: Sequence[str]) -> dict[str, str]:
    """Return which file of conf/ fills each slot of a config composed from the words of a command line.

    Raises:
        InputError: As `compose_config`.
    """
    composed = _composed(root, name, overrides, with_hydra=True)
    return {str(slot): str(choice) for slot, choice in composed["hydra"]["runtime"]["choices"].items()}


def _composed(root: Path, name: str, overrides: Sequence[str], with_hydra: bool = False) -> DictConfig:
    if not (root / "conf" / f"{name}.yaml").is_file():
        raise InputError(
            f"{root / 'conf'}: the configuration was expected there; set HPA_ROOT to the project's folder."
        )
    name_plugins(last_values(overrides, "plugins"))
    searched = search_path_word(root)
    overrides = quote_paths([as_choice(word, root / "conf") for word in overrides])
    inside = GlobalHydra.instance().is_initialized()  # a command of hydra runs: it knows the folder
    try:
        with nullcontext() if inside else initialize_config_dir(str(root / "conf"), version_base="1.3"):
            return compose(name, overrides=[*overrides, searched], return_hydra_config=with_hydra)
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # hydra's own checks raise ValueError
        raise UsageError(f"{' '.join(overrides)}: {reason_of_hydra(error)}") from error


def reason_of_hydra(error: Exception) -> str:
    """Return what hydra could not do, without its remedies: they are for the authors of configs."""
    lines = str(error).partition("Config search path")[0].splitlines()
    kept = [line.strip() for line in lines if not line.startswith(("To append", "See https", "    "))]
    return " ".join(filter(None, kept))


def as_choice(word: str, conf: Path) -> str:
    """Return an override that names a part of a part by dots as hydra wants it, with a slash; others as they are.

    `model.view=crop` becomes `model/view=crop` where conf/model/view/crop.yaml is a file: hydra would put the word
    `crop` in the place of the part.
    """
    key, _, choices = word.partition("=")
    folder = conf / key.replace(".", "/")
    are_names = re.fullmatch(r"\w[\w/,]*", choices) is not None  # a path leads out of conf/
    known = are_names and "." in key and all((folder / f"{choice}.yaml").is_file() for choice in choices.split(","))
    return f"{key.replace('.', '/')}={choices}" if known else word


def last_values(words: Sequence[str], key: str) -> list[str]:
    """Return the texts that the last word of a key gives it: one, those of a list, or those of a sweep.

    >>> last_values(["ckpt=a", "ckpt=[b,c]"], "ckpt"), last_values(["ckpt=a,b"], "ckpt"), last_values([], "ckpt")
    (['b', 'c'], ['a', 'b'], [])
    """
    given = [word for word in words if word.partition("=")[0] == key]
    try:
        override = OverridesParser.create().parse_override(given[-1]) if given else None
    except HydraException:  # composing says what is wrong with the word
        return []
    if override is None:
        return []
    value = override.value()
    values = value.list if isinstance(value, ChoiceSweep) else [value]
    flat = [item for one in values for item in (one if isinstance(one, list) else [one])]
    return [item.text if isinstance(item, QuotedString) else str(item) for item in flat if item is not None]


def unknown_options(words: Sequence[str]) -> list[str]:
    """Return the options with a name that hydra does not know.

    >>> unknown_options(["--lr", "0.1", "--cfg", "job", "-m", "loss=focal"])
    ['--lr']
    """
    unknown = get_args_parser().parse_known_args([word for word in words if not word.startswith("--help")])[1]
    return [word for word in unknown if word.startswith("--")]


def with_values(config: Config, overrides: Sequence[str], conf: Path) -> Config:
    """Return a saved config with some values changed.

    Raises:
        InputError: If an override is not `key=value`, names a group or an unknown key.
    """
    changed = OmegaConf.create(config)
    for override in overrides:
        key, separator, _ = override.partition("=")
        if not separator:
            raise InputError(f"{override}: expected key=value.")
        if (conf / key).is_dir():
            raise InputError(f"{override}: a run goes on with its own parts; only values can change beside it.")
        key = key.lstrip("+")
        if not key.startswith("trainer.arguments."):
            check_key(config, key)
        override = override.lstrip("+")
        changed = cast("DictConfig", OmegaConf.merge(changed, OmegaConf.from_dotlist(quote_paths([override]))))
    return plain(changed)


def check_key(config: Config, key: str) -> None:
    """Refuse a key that the config does not hold.

    Raises:
        InputError: Naming the nearest keys.
    """
    known = keys_of(config)
    if key in known:
        return
    remedy = did_you_mean(key, known, "python train.py --cfg job shows all of them.")
    raise InputError(f"'{key}' is no key of the config; {remedy}")


def differing_keys(one: Config, other: Config) -> list[str]:
    """Return the dotted names of the values that two configs do not share, the deepest ones.

    >>> differing_keys({"trainer": {"max_epochs": 1, "devices": 1}}, {"trainer": {"max_epochs": 2, "devices": 1}})
    ['trainer.max_epochs']
    """
    keys = sorted({*keys_of(one), *keys_of(other)})
    changed = [key for key in keys if _value(one, key) != _value(other, key)]
    return [key for key in changed if not any(deeper.startswith(f"{key}.") for deeper in changed)]


def _value(config: Config, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def keys_of(config: Config, prefix: str = "") -> list[str]:
    """Return the dotted names of all keys.

    >>> keys_of({"trainer": {"max_epochs": 1}})
    ['trainer', 'trainer.max_epochs']
    """
    found: list[str] = []
    for key, value in config.items():
        found.append(f"{prefix}{key}")
        if isinstance(value, dict):
            found += keys_of(value, f"{prefix}{key}.")
    return found
