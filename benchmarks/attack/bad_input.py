"""Kinds of bad input through the public commands: exit code, and words that name file, expectation and remedy."""

from __future__ import annotations

import contextlib
import io
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import torch  # noqa: F401  # its libraries are mapped before memory is limited

from benchmarks.attack.bad_files import tiff_of
from benchmarks.attack.bad_input_kinds import HEADER, KINDS, MASK, ROW, TISSUE, coco_of
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from benchmarks.attack.kind import Kind
from hpa.cli import main

_KEPT = b"from before"


def run(seed: int, seconds: float) -> Figures:
    """Try every kind once."""
    return run_isolated(__name__, seed, seconds, tries=len(KINDS), memory_mb=2048, hang_seconds=120)


_turn = iter(range(1 << 30))


def attempt(random: Random, folder: Path) -> Outcome:
    """Try the next kind."""
    del random
    return try_kind(KINDS[next(_turn) % len(KINDS)], folder)


def try_kind(kind: Kind, folder: Path) -> Outcome:
    """Run a command on bad input.

    Raises:
        WrongSuccessError: If its exit code or its words are others than they must be, or a file of before has changed.
    """
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    write_sound(work)
    for name, content in kind.files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content() if callable(content) else content)
    with _full_disk() if kind.disk_is_full else contextlib.nullcontext():
        code, shown = run_words([word.replace("@", f"{work}/") for word in kind.command.split()])
    missing = [words for words in kind.says if words not in shown]
    if code != kind.code or missing or "Traceback" in shown or "\x1b" in shown:
        raise WrongSuccessError(f"{kind.name}: exit code {code}, without {missing}: {shown[:600]}")
    if (work / "kept.csv").read_bytes() != _KEPT:
        raise WrongSuccessError(f"{kind.name}: a file of before was written over")
    return Outcome.REFUSED


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    """Let no file grow beyond a few bytes, as a full disk does (Python ignores the signal)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def run_words(words: list[str]) -> tuple[int, str]:
    """Return the exit code of a command and all it printed."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            code = main(words)
        except SystemExit as error:
            code = int(error.code or 0)
    return code, shown.getvalue()


def write_sound(work: Path) -> None:
    """Write a set of files that every command takes."""
    for name in ("predicted", "true", "empty", "weights"):
        (work / name).mkdir(parents=True)
    (work / "sub.csv").write_bytes(HEADER + ROW)
    (work / "sample.csv").write_bytes(HEADER + b"a,4,4,0 1 " + MASK + b"\n")
    (work / "truth.csv").write_bytes(HEADER.replace(b"Prediction", b"Truth") + b"a,4,4,0 " + MASK + b"\n")
    (work / "classes.csv").write_bytes(b"ID,cell,class\na,1,HEK\n")
    for name in ("result.json", "truth.json"):
        (work / name).write_bytes(coco_of())
    for name in ("predicted", "true"):
        (work / name / "a.tif").write_bytes(tiff_of(np.ones((4, 4), np.uint16)))
    (work / "tissue.csv").write_bytes(b"id,rle\n1,1 2 5 1\n")
    (work / "tissue_truth.csv").write_bytes(TISSUE + b"1,lung,HPA,3,3,0.4,4,1 2 5 1\n")
    (work / "kept.csv").write_bytes(_KEPT)
