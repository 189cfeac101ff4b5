"""The command blocks of the pages: fenced ones and indented ones, and which of their lines a test cannot run."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = re.compile(r"(python|hpa|make|head|pip|srun|sbatch|FILE=|SMALL=|!pip)\b")
COMMANDS_OF = ("", "sh", "bash")
"""Languages of fenced blocks that hold commands; `text` is for what a reader does not paste."""


def blocks(page: str) -> list[str]:
    """Return the command blocks of a page in their order."""
    return [block for block in _all_blocks((ROOT / page).read_text()) if PROGRAM.match(block)]


def commands(block: str) -> list[str]:
    """Return the commands of a block: lines, with those that continue them."""
    return re.findall(r"(?:[^\n]*\\\n)*[^\n]+\n?", block)


def _all_blocks(text: str) -> Iterator[str]:
    lines = iter(text.splitlines())
    before = ""
    for line in lines:
        fence = re.match(r" *```(\w*)", line)
        if fence:
            body = "".join(f"{inner.strip()}\n" for inner in _until_fence(lines))
            if fence[1] in COMMANDS_OF:
                yield body
        elif line.startswith("    ") and not before:
            rest = [line]
            for inner in lines:
                if not inner.startswith("    "):
                    break
                rest.append(inner)
            yield "".join(f"{inner.strip()}\n" for inner in rest)
            before = ""
            continue
        before = line


def _until_fence(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.strip().startswith("```"):
            return
        yield line
