"""The one place that turns what a user writes for a path into that path.

On command lines and in configs `2024` is a number to YAML and to Hydra, `1e5` becomes 100000.0, and `~`, blanks and
brackets do not parse. A path is none of these but text: `quote_paths` puts the values of path settings in quotes before
Hydra reads a command line, and `with_paths` turns what a config holds into text with the home folder for `~`. So
`data.root=20240105`, `out=1e5` and `data.root=my data (v2)/S` mean the folders of these names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hpa.core.addresses import as_path, require_no_password
from hpa.core.errors import InputError

PATH_SETTINGS = frozenset(
    (
        "root",
        "out",
        "ckpt",
        "run_dir",
        "resume",
        "folder",
        "metadata",
        "cell_truth",
        "corrections",
        "extra",
        "unlabeled",
        "run",
        "runs",
        "timings",
    )
)
"""Last words of the settings that are paths, or lists of paths."""
_HYDRA_FOLDERS = ("hydra.sweep.dir", "hydra.run.dir")
_HYDRA_VALUE = re.compile(r"\s*(?:\{|(?:choice|range|interval|glob|sort|shuffle|tag|extend_list)\()")
"""Beginnings of values that are no path but mappings and functions of Hydra."""
_FILE_SUFFIXES = ("weights",)
"""Ends of the words of settings that may be paths, but also names or numbers."""
_NO_FILE = ("hub:", "hf-hub:", "???")
"""Beginnings of published names, and what a command must give."""
_NO_INPUT = frozenset(("run_dir", "resume", "out"))
"""Settings of a run that name its own place; nothing is read there because of them."""
_LOOKS_LIKE_PATH = re.compile(r"[/\\]|^~|^\.")
_NUMBER_LIKE = re.compile(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan)|true|false|0[xo]\w+", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"[\w./:\\+@-]+", re.ASCII)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_ENTRY = re.compile(rf"\s*(?:{_QUOTED.pattern})\s*|[^,'\"]+")
_ENTRIES = re.compile(rf"(?:{_ENTRY.pattern})(?:,(?:{_ENTRY.pattern}))*")
"""A list whose entries are whole: quoted from their first letter to their last, or without any quote."""
_NO_PATH = ("${", "'", '"', "[", "???")
"""Beginnings of values that Hydra reads as they are: interpolations, quoted words, lists, missing values."""


def quote_paths(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with the values of path settings in quotes, as Hydra's grammar wants them.

    Entries of lists are quoted one by one, and the choices of a sweep (`-m`). Values that are in quotes already,
    interpolations or `null` stay as they are.

    >>> quote_paths(["data.root=20240105", "data.root=~/my data (v2)", "model=resnet18", "ckpt=[a,~/b]"])
    ["data.root='20240105'", "data.root='~/my data (v2)'", 'model=resnet18', "ckpt=[a,'~/b']"]
    """
    is_sweep = any(word in ("-m", "--multirun") for word in words)
    return [_quoted(word, is_sweep) for word in words]


def path_of(word: str) -> Path:
    """Return the path that a word `key=value` of a command line names, as `quote_paths` and `with_paths` read it.

    >>> path_of("data.root='my data'"), path_of("data.root=2024")
    (PosixPath('my data'), PosixPath('2024'))
    """
    value = word.partition("=")[2]
    for quote in "'\"":
        if len(value) > 1 and value[0] == value[-1] == quote:
            value = value[1:-1].replace(f"\\{quote}", quote)
    return as_path(os.path.expanduser(value))  # noqa: PTH111 - Path's may raise


def with_paths(config: Any) -> Any:
    """Return a config of plain values whose path settings are text, `~` replaced by the home folder.

    >>> with_paths({"data": {"root": 2024, "seed": 1}, "ckpt": [2024, "b"]})
    {'data': {'root': '2024', 'seed': 1}, 'ckpt': ['2024', 'b']}

    Raises:
        InputError: If a path setting is a number that does not show how it was written, e.g. 1e5.
    """
    if isinstance(config, dict):
        return {name: _value(str(name), value) for name, value in config.items()}
    return [with_paths(value) for value in config] if isinstance(config, list) else config


def with_home(value: Any) -> Any:
    """Return a value of a command line with the home folder for `~`, where it is a path or a list of paths.

    Addresses in object stores become paths that are read there.
    """
    if isinstance(value, list):
        return [with_home(entry) for entry in value]
    return as_path(Path(os.path.expanduser(value))) if isinstance(value, Path) else value  # noqa: PTH111 - Path's may raise


def named_paths(config: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the files and folders that a config names, by dotted key; published names (`hub:`) are none.

    >>> list(named_paths({"root": "set", "seed": 1, "extra": ["a", "b"], "weights": "hub:subcell"}, "data"))
    [('data.root', 'set'), ('data.extra', 'a'), ('data.extra', 'b')]
    """
    if isinstance(config, dict):
        for name, value in config.items():
            if name not in _NO_INPUT:
                yield from named_paths(value, f"{key}.{name}".lstrip("."))
    elif isinstance(config, list | tuple):
        for value in config:
            yield from named_paths(value, key)
    elif isinstance(config, str) and config and not config.startswith(_NO_FILE):
        name = key.rpartition(".")[2]
        if name in PATH_SETTINGS or name.endswith(_FILE_SUFFIXES) or _LOOKS_LIKE_PATH.search(config):
            yield key, config


def _value(name: str, value: Any) -> Any:
    if name in PATH_SETTINGS or name.endswith(_FILE_SUFFIXES):
        if isinstance(value, str):
            require_no_password(value)
            return os.path.expanduser(value)  # noqa: PTH111 - Path would mend 'https://' and a trailing slash
        if isinstance(value, list):
            return [_value(name, entry) for entry in value]
    if name in PATH_SETTINGS and isinstance(value, float):
        raise InputError(f"{name}={value}: a path is expected, came a number; write it in quotes: \"{name}='1e5'\".")
    if name in PATH_SETTINGS and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return with_paths(value)


def _quoted(word: str, is_sweep: bool) -> str:
    key, equals, value = word.partition("=")
    name = key.lstrip("+").rpartition(".")[2]
    is_path = name in PATH_SETTINGS or key.startswith(_HYDRA_FOLDERS)
    if not equals or not (is_path or name.endswith(_FILE_SUFFIXES)):
        return word
    if is_sweep and _HYDRA_VALUE.match(value):
        return word
    if key.startswith(_HYDRA_FOLDERS):  # Hydra itself makes this folder
        value = os.path.expanduser(value)  # noqa: PTH111 - Path's may raise
    is_list = value.startswith("[") and value.endswith("]")
    if not is_list and not (is_sweep and "," in value):
        return f"{key}={_in_quotes(value, is_path)}"
    inner = value[1:-1] if is_list else value
    entries = _entries(inner)
    if "${" in inner or inner.lstrip().startswith("{") or any(entry.startswith("[") for entry in entries):
        return word
    text = ",".join(entry if _QUOTED.fullmatch(entry) else _in_list(entry, is_path) for entry in entries)
    return f"{key}=[{text}]" if is_list else f"{key}={text}"


def _entries(inner: str) -> list[str]:
    """Return the entries of a list; a comma inside quotes that a user wrote parts none.

    >>> _entries("a's, my [v2]"), _entries("'x,y',z")
    (["a's", 'my [v2]'], ["'x,y'", 'z'])
    """
    parts = _ENTRY.findall(inner) if _ENTRIES.fullmatch(inner) else inner.split(",")
    return [part.strip() for part in parts]


def _in_list(entry: str, is_path: bool) -> str:
    if is_path and any(letter in entry for letter in "'\"[]"):
        return _between_quotes(entry)
    return _in_quotes(entry, is_path, in_list=True)


def _in_quotes(value: str, is_path: bool, in_list: bool = False) -> str:
    if value.startswith(_NO_PATH) or value.lower() in ("", "null"):
        return value
    if (_PLAIN_WORD.fullmatch(value) or not is_path) and _NUMBER_LIKE.fullmatch(value):
        return f"'{value}'" if is_path else value
    if _PLAIN_WORD.fullmatch(value) and not (in_list and value.endswith("\\")):
        return value
    return _between_quotes(value)


def _between_quotes(value: str) -> str:
    # Hydra: a backslash counts only before a quote, and before the closing one
    escaped = re.sub(r"(\\*)'", lambda match: match[1] * 2 + r"\'", value)
    return f"'{escaped}{chr(92) * (len(value) - len(value.rstrip(chr(92))))}'"
