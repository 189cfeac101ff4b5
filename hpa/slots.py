"""What `conf/` says of itself: every slot, its choices and recipes, described by the comments of its files.

A choice is described by the comment that its file begins with, a slot by the comment beside its default in a `defaults`
list. Help pages and the tables of the documentation are made from these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpa.core.plugins import plugin_configs

_DEFAULT = re.compile(
    r"^ +- (?:override |optional )?(?P<root>/?)(?P<slot>[a-z_/]+)(?:@[\w.]+)?: (?P<choice>\S+) +# (?P<text>.+)$",
    re.MULTILINE,
)
_WITHOUT_TABLE = ("task/size",)
"""Folders of files that are chosen by others: by `size` and `task`."""


@dataclass(frozen=True)
class Slot:
    """A folder of choices.

    Attributes:
        text: What it is for; "" where no defaults list describes it.
        default: The choice of the defaults list that describes it; "null" where none is made.
    """

    text: str
    default: str


def inference_configs(conf: Path) -> list[Path]:
    """List the files whose defaults lists hold the slots of `infer.py`."""
    return [conf / "infer.yaml", *sorted((conf / "inference").glob("*.yaml"))]


def slots(conf: Path) -> dict[str, Slot]:
    """Return every folder of choices by its path below `conf/`, those of training first."""
    found: dict[str, Slot] = {}
    for path in _configs(conf):
        for match in _DEFAULT.finditer(path.read_text(encoding="utf-8")):
            home = path.parent if not match["root"] else conf
            found.setdefault(str((home / match["slot"]).relative_to(conf)), Slot(match["text"], match["choice"]))
    folders = {path.parent.relative_to(conf).as_posix() for path in conf.rglob("*.yaml") if path.parent != conf}
    folders -= {*_WITHOUT_TABLE}
    rest = dict.fromkeys(sorted(folders - {*found}), Slot("", "null"))
    return {slot: found[slot] for slot in found if slot in folders} | rest


def slots_of(conf: Path, script: str) -> dict[str, Slot]:
    """Return the slots of one script, `train` or `infer`; those that both have belong to `train`."""
    matches = [match for path in inference_configs(conf) for match in _DEFAULT.finditer(path.read_text("utf-8"))]
    inference = {match["slot"] for match in matches} - {"data", "segmenter"}
    return {
        name: slot for name, slot in slots(conf).items() if (name.partition("/")[0] in inference) == (script == "infer")
    }


def choices(conf: Path, slot: str) -> dict[str, str]:
    """Return the first sentence on each choice of a slot, by its name; `none` comes last."""
    return {path.stem: first_sentence(path.read_text(encoding="utf-8")) for path in choice_files(conf, slot)}


def choice_files(conf: Path, slot: str) -> list[Path]:
    """List the files of a slot, those of plugins too; `none` comes last."""
    files = [file for folder in (conf, *plugin_configs()) for file in (folder / slot).glob("*.yaml")]
    return sorted(files, key=lambda path: (path.stem == "none", path.stem))


def recipes(root: Path, script: str) -> dict[str, str]:
    """Return the question that each recipe of a script answers, by its name; those of plugins come last."""
    folders = [folder / "experiments" for folder in (root, *plugin_configs())]
    files = {file.relative_to(folder): file for folder in folders for file in sorted(folder.rglob("*.yaml"))}
    of_script = {path: file for path, file in files.items() if (path.parts[0] == "inference") == (script == "infer")}
    return {
        path.with_suffix("").as_posix(): _question(file.read_text(encoding="utf-8")) for path, file in of_script.items()
    }


def comment_of(text: str) -> str:
    r"""Return the comment that a file begins with, as one text.

    >>> comment_of("# @package _global_\n# Minutes on two\n# cores. For tests.\nworld: {}\n")
    'Minutes on two cores. For tests.'
    """
    comment: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            comment.append(line.removeprefix("#").strip())
    return " ".join(comment)


def first_sentence(text: str) -> str:
    r"""Return the first sentence of the comment that a file begins with.

    >>> first_sentence("# @package _global_\n# Minutes on two\n# cores. For tests.\nworld: {}\n")
    'Minutes on two cores'
    """
    return re.split(r"(?<=[\w)])\.(?: (?=[A-Z])|$)", comment_of(text), maxsplit=1)[0]


def _question(text: str) -> str:
    match = re.search(r"^# Question: +(.+)$", text, flags=re.MULTILINE)
    return match[1].strip() if match else first_sentence(text)


def _configs(conf: Path) -> Iterator[Path]:
    first = [conf / "train.yaml", *sorted((conf / "task").glob("*.yaml")), *inference_configs(conf)]
    yield from first
    yield from sorted({*conf.rglob("*.yaml")} - {*first})
