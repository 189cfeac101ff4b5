"""Run every attack, or those named, and print one table; the exit code is 1 if anything failed."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from typing import Any

import benchmarks.attack
from benchmarks.attack.figures import HEADER, Figures

_NO_ATTACKS = ("__main__", "figures", "isolation")


def main() -> int:
    """Run the attacks, print a row as soon as it is there, then what failed."""
    known = sorted(module.name for module in pkgutil.iter_modules(benchmarks.attack.__path__))
    known = [name for name in known if name not in _NO_ATTACKS and hasattr(_module(name), "run")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800.0, help="of each attack, at most (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (%(default)s)")
    parser.add_argument("--only", metavar="NAME", nargs="+", choices=known, default=known, help=", ".join(known))
    arguments = parser.parse_args()
    print(HEADER, flush=True)
    every = []
    for name in arguments.only:
        every.append(_module(name).run(arguments.seed, arguments.seconds))
        print(every[-1], flush=True)
    for figures in every:
        _print_failures(figures)
    return 0 if all(figures.is_clean for figures in every) else 1


def _module(name: str) -> Any:
    return importlib.import_module(f"benchmarks.attack.{name}")


def _print_failures(figures: Figures) -> None:
    for failure in figures.failures:
        print(f"{figures.name}: {failure}")


if __name__ == "__main__":
    sys.exit(main())
