"""Kill trainings and chains at any moment and resume them: what they end with must equal an undisturbed run to the bit.

Each process is a fork of this one, which has imported everything, so that most of the time is spent training. The cells
of every second run are stored anew, so that kills come while they are stored too.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pandas as pd
import torch
from omegaconf import OmegaConf

from benchmarks.attack.figures import Figures
from hpa.app.train import resume, train
from hpa.config import Config, plain
from hpa.overrides import compose_config
from hpa.simulation import write_competition

KILLS = 120
_ROOT = Path(__file__).parents[2]
_HANG_SECONDS = 600.0
_POLL_SECONDS = 0.02
_SHORT = ("data=kaggle_hpa", "size=tiny", "model=tiny", "trainer.accelerator=cpu", "report=false")
_KINDS = {
    "run": ("trainer.max_epochs=4", "trainer.limit_batches=3"),
    "chain": ("stages=cross_validation", "trainer.max_epochs=2"),
}
_CHOICES = {"model": "tiny", "loss": "focal"}


@dataclass
class _Counts:
    kills: int = 0
    differences: int = 0
    hangs: int = 0
    errors: int = 0
    failures: list[str] = field(default_factory=list)


def run(seed: int, seconds: float) -> Figures:
    """Kill until enough was killed, or the time is over; every run that was started is brought to its end."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    counts = _Counts()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_competition(home / "data", images=9, test_images=1, side_px=192, seed=0)
        durations = {kind: _undisturbed(home, kind) for kind in _KINDS}
        number = 0
        while counts.kills < KILLS and time.monotonic() - begun < seconds:
            kind = ("run", "chain")[number % 2]
            _one(home, kind, number, durations[kind], Random(seed * 100_003 + number), counts)
            number += 1
    return Figures(
        "training_kills",
        counts.kills,
        hangs=counts.hangs,
        wrong_successes=counts.differences,
        tracebacks=counts.errors,
        seconds=time.monotonic() - begun,
        failures=counts.failures[:10],
    )


def _config(home: Path, kind: str, run_dir: Path, cache: Path) -> Config:
    words = [*_SHORT, *_KINDS[kind], f"data.root={home / 'data'}", f"run_dir={run_dir}", f"store.folder={cache}"]
    composed = compose_config(_ROOT, "train", words)
    return plain(OmegaConf.create({key: value for key, value in composed.items() if key != "hydra"}))


def _undisturbed(home: Path, kind: str) -> float:
    """Train the run that all others are compared with, and return how long it takes."""
    config = _config(home, kind, home / kind, home / f"cache_{kind}")
    begun = time.monotonic()
    words = home / f"{kind}.txt"
    status = _wait(_forked(lambda: train(config, _CHOICES, None), words), None)
    if status != 0:
        raise RuntimeError(f"the undisturbed {kind} ended with {status}: {_last_words(words)}")
    return time.monotonic() - begun


def _one(home: Path, kind: str, number: int, duration: float, random: Random, counts: _Counts) -> None:
    """Start a run, kill it again and again, and compare what it ends with."""
    run_dir = home / f"{kind}_{number}"
    cache = home / (f"cache_{number}" if number % 4 < 2 else f"cache_{kind}")
    config = _config(home, kind, run_dir, cache)
    words = home / f"{kind}_{number}.txt"
    for attempt in range(1000):
        is_begun = (run_dir / "config.yaml").is_file() and (run_dir / "run.json").is_file()
        action = _resuming(run_dir) if is_begun else _starting(config, run_dir)
        delay = random.uniform(0, duration) if attempt < 12 else None  # at last it may end
        status = _wait(_forked(action, words), delay)
        if status == -signal.SIGKILL and delay is not None:
            counts.kills += 1
            continue
        if status == 0:
            counts.differences += _compared(home / kind, run_dir, f"{kind} {number}", counts.failures)
        else:
            counts.errors += 1
            counts.failures.append(f"{kind} {number}, process {attempt}: ended with {status}: {_last_words(words)}")
        break
    shutil.rmtree(run_dir, ignore_errors=True)
    if cache.name == f"cache_{number}":
        shutil.rmtree(cache, ignore_errors=True)


def _starting(config: Config, run_dir: Path) -> Callable[[], int]:
    def start() -> int:
        shutil.rmtree(run_dir, ignore_errors=True)  # killed before it was a run
        return train(config, _CHOICES, None)

    return start


def _resuming(run_dir: Path) -> Callable[[], int]:
    return lambda: resume(str(run_dir), [], _ROOT / "conf")


def _forked(action: Callable[[], int], words: Path) -> int:
    """Run an action in a process group of its own, which writes to a file; its exit code is what it returns."""
    process = os.fork()
    if process:
        return process
    os.setsid()
    output = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 99
    try:
        code = action()
    except BaseException:  # a traceback is what is looked for: it ends in the file
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _last_words(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return " / ".join(line.strip() for line in lines[-5:])[-600:]


def _wait(process: int, delay: float | None) -> int:
    """Wait for a process, kill it after a delay, and return its exit code, negative for a signal."""
    begun = time.monotonic()
    while time.monotonic() - begun < (_HANG_SECONDS if delay is None else delay):
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_POLL_SECONDS)
    os.killpg(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _compared(whole: Path, killed: Path, name: str, failures: list[str]) -> int:
    """Return 1 and say what differs if the killed run did not end like the other, else 0."""
    files = sorted(file.relative_to(whole) for file in whole.rglob("*") if file.suffix in (".ckpt", ".csv", ".parquet"))
    different = [str(file) for file in files if not _is_same(whole / file, killed / file)]
    left = [str(file.relative_to(killed)) for file in killed.rglob("*") if _is_left_over(file)]
    if different or left:
        failures.append(f"{name}: differ {different[:4]}, left over {left[:4]}")
    return int(bool(different or left))


def _is_left_over(file: Path) -> bool:
    return file.name == "lock" or file.name.startswith(".")


def _is_same(one: Path, other: Path) -> bool:
    if not other.is_file():
        return False
    if one.suffix == ".ckpt":
        weights = [torch.load(file, map_location="cpu", weights_only=True)["state_dict"] for file in (one, other)]
        return weights[0].keys() == weights[1].keys() and all(
            torch.equal(value, weights[1][key]) for key, value in weights[0].items()
        )
    if one.suffix == ".parquet":
        return pd.read_parquet(one).equals(pd.read_parquet(other))
    tables = [pd.read_csv(file).drop(columns="seconds", errors="ignore") for file in (one, other)]
    return tables[0].equals(tables[1])
