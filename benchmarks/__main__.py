"""Run every module of this folder that defines `measure() -> list[Row]` and print one Markdown table."""

from __future__ import annotations

import importlib
import pkgutil

import benchmarks
from benchmarks.row import Row


def main() -> None:
    """Measure and print, a row as soon as it is there."""
    print("| what | ours | peer | unit | ratio |\n|---|---|---|---|---|", flush=True)
    for name in sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__)):
        if name == "__main__":
            continue
        measure = getattr(importlib.import_module(f"benchmarks.{name}"), "measure", None)
        for row in measure() if measure else []:
            print(_line(row), flush=True)


def _line(row: Row) -> str:
    return f"| {row.name} | {row.ours:.4g} | {row.peer:.4g} | {row.unit} | {row.ratio:.3g} |"


if __name__ == "__main__":
    main()
