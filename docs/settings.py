"""The page of all settings: each key of `conf/`, its value there, and what it means.

Meanings come from the docstrings of the classes that the keys are for, or from the comment beside a key.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hpa.slots import choice_files, comment_of, slots

_INTRODUCTION = """# Settings

Every key that a command line can override: `python train.py loss=focal loss.gamma=1`. A choice of a slot brings the
keys of its section; `python train.py --cfg job` prints the settings of the training that would start. `???` must be
given, `null` is left to the run.
"""
_NOT_SHOWN = ("defaults", "hydra")


def settings_page(conf: Path) -> str:
    """Return the page, made from `conf/`.

    Args:
        conf: The folder of configs.
    """
    sections = [_INTRODUCTION]
    for script in ("train", "infer"):
        sections += [f"## {script}.py\n", *section(conf / f"{script}.yaml", "")]
    for slot in slots(conf):
        sections.append(f"## {slot}\n")
        for file in choice_files(conf, slot):
            sections += [f"### {slot}={file.stem}\n", *section(file, slot.replace("/", "."))]
    return "\n".join(sections)


def section(file: Path, place: str) -> Iterator[str]:
    """Give the description and the table of one config file.

    Args:
        file: A YAML file of `conf/`.
        place: Where its keys stand in the whole config, such as `model.head`; a file may say otherwise itself.
    """
    text = file.read_text("utf-8")
    if package := re.search(r"^# @package (\S+)$", text, flags=re.MULTILINE):
        place = package[1].removeprefix("_global_")
    if place:
        yield _as_text(comment_of(text)) + "\n"
    rows = [*_rows(place, yaml.safe_load(text) or {}, {}, _comments(text))]
    if rows:
        yield "\n".join(["| key | meaning | value |", "|---|---|---|", *rows, ""])


def _rows(
    place: str, values: Mapping[str, Any], meanings: Mapping[str, str], comments: Mapping[str, str]
) -> Iterator[str]:
    meanings = _meanings(str(values["_target_"])) if "_target_" in values else meanings
    for name, value in values.items():
        key = f"{place}.{name}".lstrip(".")
        if str(name).startswith("_") or name in _NOT_SHOWN:
            continue
        if isinstance(value, Mapping) and value:
            yield from _rows(key, value, {}, comments)
            continue
        meaning = meanings.get(str(name)) or comments.get(str(name), "")
        written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
        written = written.removesuffix("...\n").strip()
        yield f"| `{key}` | {_as_text(meaning)} | `{written}` |"


def _meanings(target: str) -> dict[str, str]:
    """Return what the arguments of a class of this package mean, by their names."""
    module, _, name = target.rpartition(".")
    if not module.startswith("hpa."):
        return {}
    text = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    found = re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", text, flags=re.MULTILINE)
    return {argument: " ".join(meaning.split()) for argument, meaning in found}


def _comments(text: str) -> dict[str, str]:
    """Return the comments beside keys, of keys that stand once in a file."""
    names = re.findall(r"^ *(\w+):", text, flags=re.MULTILINE)
    found = re.findall(r"^ *(\w+):.*? # (.+)$", text, flags=re.MULTILINE)
    return {name: comment for name, comment in found if names.count(name) == 1}


def _as_text(text: str) -> str:
    """Return a text for a cell of a table, in which nothing but its code spans is markup."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([_*<\[])", r"\\\1", part) for part in parts)
