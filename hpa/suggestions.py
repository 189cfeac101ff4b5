"""What a command line that hydra could not compose may have meant: the nearest key, or the task that reads it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from hpa.config import Config, plain
from hpa.core.errors import InputError, UsageError
from hpa.core.nearest import did_you_mean
from hpa.core.plugins import plugin_configs
from hpa.overrides import choices_of, compose_config, keys_of, last_values
from hpa.slots import slots_of
from hpa.values import require_values

GROUPS = {"train": "task", "infer": "inference"}
"""The folder of conf/ with a file for each task, by command; for `infer` the task of the run chooses it."""
_OF_BOTH = ("data", "experiments", "segmenter")
"""Slots that both commands have."""


def suggestions(root: Path, name: str, words: Sequence[str]) -> list[str]:
    """Return a sentence for each word that no key or choice matches.

    Args:
        root: Folder with conf/ and experiments/.
        name: `train`, `infer` or `qc`.
        words: Of the command line.
    """
    own = _own_config(root, name, words)
    known, task = keys_of(own), own.get("task")
    found = []
    for before, word in zip(["", *words], words, strict=False):
        key, equals, _ = word.lstrip("+~").partition("=")
        if key.startswith(("-", "hydra")) or word.startswith("~"):  # an option or a setting of hydra
            continue
        if not equals:
            if not before.startswith("-") or before in ("-m", "--multirun"):
                found.append(f"'{word}': expected key=value.")
            continue
        choices = _choices(root, key)
        is_sweep = bool({"-m", "--multirun"} & {*words})
        if not is_sweep and not word.endswith("]") and len(last_values([word.lstrip("+")], key)) > 1:
            found.append(f"'{word}': several values are a sweep, add -m; a list has brackets: {key}=[a,b].")
            continue
        readers = [] if task is None else _tasks_that_read(root, name, key, task) if key not in known else []
        if readers:
            found.append(_of_another_task(name, word, key, readers, str(task)))
        elif choices:
            found += _of_choice(root, name, word, choices)
        elif key not in known and not word.startswith("+"):
            slots = slots_of(root / "conf", name) if name in GROUPS else ()
            where = (
                f"python {name}.py --cfg job shows all of them" if name in GROUPS else f"there are {', '.join(known)}"
            )
            others = _choices_that_read(root, key, slots, name, known)
            settings = [one for one in known if "._" not in one]  # not _target_ and its like
            found.append(
                f"'{word}': {others or did_you_mean(key, [*settings, *slots], f'there is no such key; {where}.')}"
            )
    return found


def _of_choice(root: Path, name: str, word: str, choices: Sequence[str]) -> list[str]:
    """Return a sentence on a word that chooses parts, none where nothing is wrong with it."""
    key, _, value = word.lstrip("+~").partition("=")
    wrong = [one for one in last_values([f"{key}={value}"], key) if one not in [*choices, "null"]]
    if wrong and all(re.fullmatch(r"[\w/, -]+", one) for one in wrong):
        otherwise = f"there are {', '.join(sorted(choices))}."
        remedies = {one: did_you_mean(one, choices, otherwise, f"{key}=") for one in wrong}
        answers = [answer if len(remedies) == 1 else f"{one}: {answer}" for one, answer in remedies.items()]
        return [f"'{word}': {' '.join(answers)}"]
    if value == "null" and not _composed(root, name, [word]):
        return [f"'{word}': this cannot be left out; there are {', '.join(sorted(choices))}."]
    if (script := _script_of(root, key)) not in (None, name):
        return [f"'{word}': only {script}.py reads {key}; leave it out here."]
    return []


def compose_or_suggest(root: Path, name: str, words: Sequence[str]) -> DictConfig:
    """Return the config of words, as `compose_config`.

    Raises:
        UsageError: Saying what a word may have meant; in hydra's words only where nothing is known of it.
        InputError: If there is no conf/.
    """
    try:
        return compose_config(root, name, words)
    except UsageError as error:
        raise UsageError(" ".join(suggestions(root, name, words)) or str(error)) from error


def compose_slot(root: Path, name: str, slot: str, overrides: Sequence[str]) -> Config | None:
    """Return one slot of a config composed from the words of a command line, None where it is null.

    Args:
        root: Folder with conf/ and experiments/.
        name: `train` or `infer`.
        slot: E.g. `segmenter`; what other slots lack does not matter.
        overrides: E.g. `segmenter=watershed`, `segmenter.reach_um=20`.

    Raises:
        InputError: If there is no conf/, an override or a value does not fit, or the slot lacks a value.
    """
    part = compose_or_suggest(root, name, overrides).get(slot)
    if not OmegaConf.is_config(part):  # null, or the name of a task
        return None
    values = plain(part)
    require_values({slot: values})
    return values


def _script_of(root: Path, key: str) -> str | None:
    """Return the script that has a slot, `train` first; None for recipes, which both have."""
    scripts = [script for script in GROUPS if key in slots_of(root / "conf", script)]
    return None if key in _OF_BOTH or not scripts else scripts[0]


def require_names(root: Path, words: Sequence[str]) -> None:
    """Refuse numbers where a choice has a name: hydra ends with a traceback.

    Raises:
        UsageError: Naming the choices.
    """
    for word in words:
        key, equals, value = word.lstrip("+~").partition("=")
        if equals and re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?|true|false", value, re.IGNORECASE) and _choices(root, key):
            raise UsageError(f"{word}: expected the name of a choice: {', '.join(sorted(_choices(root, key)))}.")


def unread_keys(root: Path, name: str, config: Config) -> list[str]:
    """Return a sentence for each top-level key of a config that its task does not read.

    Hydra refuses unknown keys on the command line, but takes what a recipe or `+key=value` adds.
    """
    task = config["task"]
    words = [f"{GROUPS[name]}={task}"]
    shipped = {str(key) for key in compose_config(root, name, words)}
    slots = {*choices_of(root, name, words)}  # also those that are empty by default, as data of infer.py
    found = []
    for key in sorted(set(config) - {"hydra"} - shipped - slots):
        readers = _tasks_that_read(root, name, key, task)
        found.append(_of_another_task(name, key, key, readers, task) if readers else f"'{key}': no task reads this.")
    return found


def _of_another_task(name: str, word: str, key: str, readers: Sequence[str], task: str) -> str:
    if name == "infer":
        return (
            f"'{word}': only runs of task={' and task='.join(readers)} read {key}, and ckpt= names one of task={task}; "
            "leave it out. python infer.py ckpt=RUN --cfg job shows what this run reads."
        )
    return (
        f"'{word}': only task={' and task='.join(readers)} reads {key}, and this is task={task}; leave it out, or set "
        f"task={readers[0]}."
    )


def _tasks_that_read(root: Path, name: str, key: str, own: str) -> list[str]:
    """Return the other tasks whose configs hold a key."""
    if not _occurs(root, key):
        return []
    tasks = sorted(file.stem for file in (root / "conf" / GROUPS[name]).glob("*.yaml") if file.stem != own)
    return [task for task in tasks if key in keys_of(_composed(root, name, [f"{GROUPS[name]}={task}"]))]


def _choices_that_read(root: Path, key: str, slots: Collection[str], name: str, known: Collection[str]) -> str:
    """Return which other choices of a slot have a key, e.g. `data.root`, which the synthetic data lack; "" for none."""
    slot, _, inside = key.partition(".")
    choices = sorted(_choices(root, slot)) if slot in slots and inside else []
    named = inside.partition(".")[0]
    wanted = choices if _occurs(root, key) else [one for one in choices if one == named]
    keys = {one: keys_of(_composed(root, name, [f"{slot}={one}"])) for one in wanted}
    reading = [f"{slot}={one}" for one, of_choice in keys.items() if key in of_choice]
    if named in keys and f"{slot}.{named}" not in known and not reading:  # a misspelt setting of callbacks=NAME
        near = did_you_mean(key, keys[named], f"python {name}.py --help {slot} lists its settings.")
        return f"write {slot}={named} first; {near}"
    return f"only {', '.join(reading)} read{'s' if len(reading) == 1 else ''} it; add one." if reading else ""


def _occurs(root: Path, key: str) -> bool:
    """Return whether a file of conf/ has a setting of the name of a key: composing every choice takes seconds."""
    setting = re.compile(rf"\b{re.escape(key.rpartition('.')[2])} *:")
    folders = [root / "conf", *plugin_configs()]
    return any(setting.search(file.read_text("utf-8")) for folder in folders for file in folder.rglob("*.yaml"))


def _choices(root: Path, key: str) -> list[str]:
    own = root / ("experiments" if key == "experiments" else f"conf/{key}")
    folders = [own, *(folder / key for folder in plugin_configs())]
    return [str(file.relative_to(folder).with_suffix("")) for folder in folders for file in folder.rglob("*.yaml")]


def _is_choice(root: Path, word: str) -> bool:
    key, _, value = word.partition("=")
    return value in _choices(root, key)


def _own_config(root: Path, name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return the config of as many of the chosen parts as fit together."""
    chosen = [word for word in words if _is_choice(root, word)]
    decisive = [word for word in chosen if word.startswith((f"{GROUPS.get(name)}=", "experiments="))]
    return _composed(root, name, chosen) or _composed(root, name, decisive) or _composed(root, name, [])


def _composed(root: Path, name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return a config as it stands, or none where the words do not fit."""
    try:
        return cast("dict[str, Any]", OmegaConf.to_container(compose_config(root, name, words), resolve=False))
    except InputError:
        return {}
