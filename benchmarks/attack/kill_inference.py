"""Kills `infer.py` at random moments, with all that it writes beside the submission, and repeats it until it ends.

Each try draws a case (cells or tissue, whole or in two shards that are merged) and kills the process, several times
over, either at a drawn operation on the file system of the output (so that every rename and every removal has its
turn) or after a drawn time (in the middle of a write). What the last, undisturbed command leaves must be, byte by byte,
what an undisturbed run leaves, and nothing else may lie beside it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import torch

from benchmarks.attack.figures import Figures
from hpa.app.infer import infer
from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.core.seeding import seed_of
from hpa.overrides import compose_config

ROOT = Path(__file__).resolve().parents[2]
KILLS = 120
_KILLS_A_TRY = 4
_HANG_SECONDS = 600.0
_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree")
_EXTRAS = {"anndata": "anndata", "ome_zarr": "zarr"}
_SINKS = [path.stem for path in sorted((ROOT / "conf" / "also").glob("*.yaml")) if path.stem != "none"]
_ALSO = f"[{','.join(sink for sink in _SINKS if sink not in _EXTRAS or find_spec(_EXTRAS[sink]))}]"
_MAX_SHOWN = 10


@dataclass(frozen=True)
class Case:
    """A prediction to be killed: its name, the words of infer.py, and in how many shards it is made."""

    name: str
    words: tuple[str, ...]
    shards: int


@dataclass
class Disturbed:
    """What came of the tries so far."""

    kills: int = 0
    hangs: int = 0
    crashes: int = 0
    wrong: int = 0
    failures: tuple[str, ...] = ()

    def fail(self, words: str) -> None:
        """Keep the words of a failure."""
        self.failures = (*self.failures, words)[:_MAX_SHOWN]

    def figures(self, name: str, seconds: float) -> Figures:
        """Return the figures of an attack that took so long."""
        return Figures(
            name,
            tries=self.kills,
            crashes=self.crashes,
            hangs=self.hangs,
            wrong_successes=self.wrong,
            seconds=seconds,
            failures=self.failures,
        )


def run(seed: int, seconds: float) -> Figures:
    """Kill predictions until there are enough kills, or no time is left."""
    return attack(seed, seconds, KILLS)


def attack(seed: int, seconds: float, kills: int) -> Figures:
    """Kill predictions at least so often, unless no time is left.

    Args:
        seed: Of cases and moments.
        seconds: When no further try begins.
        kills: How many are enough.
    """
    begun = time.monotonic()
    torch.set_num_threads(1)  # threads do not outlive a fork
    result = Disturbed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = cases_of(folder)
        expected = {case.name: _undisturbed(case, folder / "expected" / case.name.replace(" ", "_")) for case in cases}
        number = 0
        while result.kills < kills and time.monotonic() - begun < seconds:
            case = cases[number % len(cases)]
            random = Random(seed_of(seed, "kill_inference", number))
            _try(case, *expected[case.name], folder / f"try_{number}", random, result)
            number += 1
    return result.figures("kill_inference", time.monotonic() - begun)


def cases_of(folder: Path) -> list[Case]:
    """Train a tiny network of each task, and return what is predicted with them."""
    for layout in ("kaggle", "hubmap"):
        size = ["--images", "14", "--test-images", "5", "--size", "96", "--seed", "1"]
        layout_words = [] if layout == "kaggle" else ["--layout", layout]
        _require(main(["synth", str(folder / layout), *layout_words, *size]) == 0, "synthetic data")
    shared = ("size=tiny", "trainer.accelerator=cpu", "trainer.precision=32-true", "report=false")
    tissue = (
        "model.encoder=tu-test_resnet",
        "model.decoder.decoder_channels=[16,16,8,8,8]",
        "tiles.planes.pixel_um=8.0",
    )
    runs = {
        "cells": ("data=kaggle_hpa", f"data.root={folder / 'kaggle'}", "model=tiny", "folds.count=2"),
        "tissue": ("experiments=hubmap/unet_resnet34", f"data.root={folder / 'hubmap'}", *tissue),
    }
    for name, words in runs.items():
        own = (f"run_dir={folder / name}", f"store.folder={folder / 'store'}")
        config = plain(compose_config(ROOT, "train", [*words, *shared, *own]))
        _require(train(config, {"model": "tiny", "loss": "any"}, None) == 0, f"a run of {name}")
    common = ("device=cpu", "precision=fp32", "block_images=1")
    of_cells = (f"ckpt={folder / 'cells'}", "data=kaggle_hpa", f"data.root={folder / 'kaggle'}", f"also={_ALSO}")
    of_tissue = (f"ckpt={folder / 'tissue'}", "data=hubmap", f"data.root={folder / 'hubmap'}", "inference=pixels")
    return [
        Case(f"{name} in {shards} shards", (*words, *common), shards)
        for name, words in (("cells", of_cells), ("tissue", of_tissue))
        for shards in (1, 2)
    ]


def _try(
    case: Case,
    expected: dict[str, bytes],
    operations: Sequence[int],
    folder: Path,
    random: Random,
    result: Disturbed,
) -> None:
    """Make a prediction that is killed several times, and compare what it leaves; `operations` are those a command."""
    for command, count in zip(_commands(case, folder), operations, strict=True):
        for _ in range(random.randrange(1, _KILLS_A_TRY + 1)):
            _kill(command, folder, random, count, result)
        if _in_child(command, folder, None, None)[0] != 0:
            result.crashes += 1
            words = _output_of(folder).read_text(errors="replace").strip()[-500:]
            result.fail(f"{case.name} in {folder.name}: the command that was not killed failed: {words}")
            return
    found = files_in(folder)
    differ = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if differ:
        result.wrong += 1
        result.fail(f"{case.name} in {folder.name}: differ or are left over: {', '.join(differ)[:300]}")


def _kill(command: Callable[[], int], folder: Path, random: Random, operations: int, result: Disturbed) -> None:
    """Run a command that is killed, unless it ends before."""
    by_operation = random.random() < 0.7
    operation = random.randrange(1, operations + 1) if by_operation else None
    seconds = None if by_operation else random.uniform(0.0, 2.0)
    code, _ = _in_child(command, folder, operation, seconds)
    result.hangs += code is None
    result.kills += code == -signal.SIGKILL


def _in_child(
    command: Callable[[], int], folder: Path, operation: int | None, seconds: float | None
) -> tuple[int | None, int]:
    """Run a command in a process of its own.

    Args:
        command: What is run.
        folder: Of its output.
        operation: Number of the operation on files in that folder before which it kills itself.
        seconds: It is killed after this time.

    Returns:
        Its exit code, -9 if it was killed, None if it hung; and how many operations it made.
    """
    context = multiprocessing.get_context("fork")  # imports took seconds, once
    counter = context.Value("q", 0, lock=False)  # a lock would stay locked after a kill

    def body() -> None:
        os.environ["TQDM_DISABLE"] = "1"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _output_of(folder).open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        kill_before_operation(str(folder), counter, operation)
        os._exit(command())

    process = context.Process(target=body)
    process.start()
    process.join(_HANG_SECONDS if seconds is None else seconds)
    hung = process.is_alive() and seconds is None
    if process.is_alive():
        process.kill()
        process.join()
    return None if hung else process.exitcode, counter.value


def _output_of(folder: Path) -> Path:
    """Return where the words of the last command stand: beside the folder, whose files are compared."""
    return folder.with_name(f"{folder.name}.txt")


def kill_before_operation(folder: str, counter: Any, last: int | None) -> None:
    """Count the operations of this process on files in a folder, and kill it before the last one."""

    def hook(event: str, arguments: Sequence[Any]) -> None:
        if event in _OPERATIONS and any(
            isinstance(one, str | Path) and str(one).startswith(folder) for one in arguments
        ):
            counter.value += 1
            if counter.value == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _commands(case: Case, folder: Path) -> list[Callable[[], int]]:
    """Return the commands of a case in their order: one for each shard, then the merge."""

    def predict(*words: str) -> Callable[[], int]:
        config = plain(compose_config(ROOT, "infer", [*case.words, *words]))
        return lambda: infer(config)

    out = folder / "submission.csv"
    if case.shards == 1:
        return [predict(f"out={out}")]
    parts = [folder / f"part_{number}" for number in range(1, case.shards + 1)]
    shards = [predict(f"out={part}", f"shard={number}/{case.shards}") for number, part in enumerate(parts, start=1)]
    return [*shards, lambda: main(["merge", *map(str, parts), "--out", str(out)])]


def _undisturbed(case: Case, folder: Path) -> tuple[dict[str, bytes], list[int]]:
    """Return what an undisturbed run leaves, and the operations of each of its commands."""
    operations = []
    for command in _commands(case, folder):
        code, count = _in_child(command, folder, None, None)
        _require(code == 0, f"an undisturbed prediction of {case.name}")
        operations.append(count)
    return files_in(folder), operations


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _require(done: bool, what: str) -> None:
    if not done:
        raise RuntimeError(f"{what} could not be made; run the same words by hand to see why.")
