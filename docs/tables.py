"""Writes the tables of slots and choices into README.md and docs/: `make tables`, or `python -m docs.tables`.

Their text stands in `conf/`: a choice is described by the first sentence of its file, a slot by the comment beside its
default in a `defaults` list. A page marks where a table goes, and a test fails when one is out of date:

    <!-- choices: supervision/pooling -->
    <!-- end of choices -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
INFERENCE = (CONF / "infer.yaml", *sorted((CONF / "inference").glob("*.yaml")))
_MARKED = re.compile(r"(<!-- (slots|choices): ([\w/]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)
_DEFAULT = re.compile(
    r"^ +- (?:override |optional )?(?P<root>/?)(?P<slot>[a-z_/]+)(?:@[\w.]+)?: \S+ +# (?P<text>.+)$", re.MULTILINE
)


def pages() -> list[Path]:
    """List the pages that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def rendered(text: str) -> str:
    """Return a page with all its tables written anew."""

    def table(match: re.Match[str]) -> str:
        lines = _slots(match[3]) if match[2] == "slots" else _choices(match[3])
        return "".join([match[1], *(f"{line}\n" for line in lines), match[4]])

    return _MARKED.sub(table, text)


def slots() -> dict[str, str]:
    """Return the description of every folder of choices, by its path below `conf/`, those of training first."""
    texts: dict[str, str] = {}
    for path in _configs():
        for match in _DEFAULT.finditer(path.read_text(encoding="utf-8")):
            home = path.parent if not match["root"] else CONF
            texts.setdefault(str((home / match["slot"]).relative_to(CONF)), match["text"])
    folders = {str(path.parent.relative_to(CONF)) for path in CONF.rglob("*.yaml") if path.parent != CONF}
    folders.discard("task/size")  # chosen by `size` and `task`
    return {slot: texts[slot] for slot in texts if slot in folders} | dict.fromkeys(sorted(folders - {*texts}), "")


def choices(slot: str) -> dict[str, str]:
    """Return what each choice of a slot is, by its name; `none` comes last."""
    files = sorted((CONF / slot).glob("*.yaml"), key=lambda path: (path.stem == "none", path.stem))
    return {path.stem: first_sentence(path.read_text(encoding="utf-8")) for path in files}


def first_sentence(text: str) -> str:
    r"""Return the first sentence of the comment that a file begins with.

    >>> first_sentence("# @package _global_\n# Minutes on two\n# cores. For tests.\nworld: {}\n")
    'Minutes on two cores'
    """
    comment: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            comment.append(line.removeprefix("#").strip())
    return re.split(r"(?<=[\w)])\.(?: (?=[A-Z])|$)", " ".join(comment), maxsplit=1)[0]


def _configs() -> Iterator[Path]:
    first = [CONF / "train.yaml", *sorted((CONF / "task").glob("*.yaml")), *INFERENCE]
    yield from first
    yield from sorted({*CONF.rglob("*.yaml")} - {*first})


def _choices(slot: str) -> Iterator[str]:
    if not (CONF / slot).is_dir():
        raise ValueError(f"conf/{slot}: no such folder of choices; known are {', '.join(slots())}")
    yield f"| `{slot}=` | |"
    yield "|---|---|"
    for name, text in choices(slot).items():
        yield f"| `{name}` | {_cell(text)} |"


def _slots(script: str) -> Iterator[str]:
    """Give a row for each slot of a script, `train` or `infer`; for `all` a section with its choices."""
    if script == "all":
        for slot, text in slots().items():
            yield from (f"## `{slot}`", f"{text[:1].upper()}{text[1:]}.", "", *_choices(slot), "")
        return
    inference = {match["slot"] for path in INFERENCE for match in _DEFAULT.finditer(path.read_text(encoding="utf-8"))}
    yield "| slot | what it is | choices |"
    yield "|---|---|---|"
    for slot, text in slots().items():
        if (slot.partition("/")[0] in inference - {"data", "segmenter"}) == (script == "infer"):
            yield f"| `{slot}` | {_cell(text)} | {' '.join(f'`{name}`' for name in choices(slot))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write every table anew and say which pages changed."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = rendered(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: tables written")


if __name__ == "__main__":
    main()
