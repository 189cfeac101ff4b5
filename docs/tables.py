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

from hpa.slots import choices, slots, slots_of

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
_MARKED = re.compile(r"(<!-- (slots|choices): ([\w/]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def pages() -> list[Path]:
    """List the pages that may hold tables."""
    return [
        ROOT / "README.md",
        *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "generated"),
    ]


def rendered(text: str) -> str:
    """Return a page with all its tables written anew."""

    def table(match: re.Match[str]) -> str:
        lines = _slots(match[3]) if match[2] == "slots" else _choices(match[3])
        return "".join([match[1], *(f"{line}\n" for line in lines), match[4]])

    return _MARKED.sub(table, text)


def _choices(slot: str) -> Iterator[str]:
    if not (CONF / slot).is_dir():
        raise ValueError(f"conf/{slot}: no such folder of choices; known are {', '.join(slots(CONF))}")
    yield f"| `{slot}=` | |"
    yield "|---|---|"
    for name, text in choices(CONF, slot).items():
        yield f"| `{name}` | {_cell(text)} |"


def _slots(script: str) -> Iterator[str]:
    """Give a row for each slot of a script, `train` or `infer`; for `all` a section with its choices."""
    if script == "all":
        for name, slot in slots(CONF).items():
            yield from (f"## `{name}`", f"{slot.text[:1].upper()}{slot.text[1:]}.", "", *_choices(name), "")
        return
    yield "| slot | what it is | choices |"
    yield "|---|---|---|"
    for name, slot in slots_of(CONF, script).items():
        yield f"| `{name}` | {_cell(slot.text)} | {' '.join(f'`{choice}`' for choice in choices(CONF, name))} |"


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
