"""Signals of clusters, and two processes that would train one run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from hpa.app.signals import interrupting_signals
from hpa.app.train import kept_of
from hpa.core.interrupts import raise_lost_interrupt
from hpa.training.callbacks import LostInterrupts
from hpa.training.run_folder import RunFolder
from tests.warm import Started

EPOCHS = 30
"""More than a training ends before a signal reaches it."""
TINY = ("data=kaggle_hpa", "model=tiny", "size=tiny", "trainer.accelerator=cpu", "report=false")


@pytest.fixture
def start(warm, world, tmp_path) -> Callable[..., Started]:
    """Start train.py with an empty cache."""

    def begin(*words: str, **more: str) -> Started:
        environment = os.environ | {"HPA_CACHE": str(tmp_path / "cache")} | more
        return warm.start(["train.py", *words], env=environment, merged=True, cwd=tmp_path)

    return begin


def wait_for(seen: Callable[[], bool], process: Started) -> None:
    while not seen() and process.poll() is None:
        time.sleep(0.01)


def require_success(process: Started) -> None:
    output, _ = process.communicate()
    assert process.returncode == 0, output


def new_run(world: Path, run: Path, epochs: int) -> list[str]:
    return [*TINY, f"data.root={world}", f"run_dir={run}", f"trainer.max_epochs={epochs}"]


ENDS = """
import os, signal, sys
from pathlib import Path
from hpa.app.signals import interrupting_signals
try:
    with interrupting_signals():
        os.kill(os.getpid(), signal.SIGHUP)
        came = "nothing"
except KeyboardInterrupt:
    came = "an interrupt"
    print("the last words", flush=True)
Path(sys.argv[1]).write_text(came)
"""


@pytest.mark.parametrize(("prefix", "came"), [([], "an interrupt"), (["nohup"], "nothing")])
def test_a_terminal_that_is_closed_ends_a_command_unless_nohup_began_it(tmp_path, prefix, came):
    """As of a terminal that is gone: its other end is closed, so that writing to it fails."""
    ours, theirs = os.openpty()
    told = tmp_path / "told"
    command = [*prefix, sys.executable, "-c", ENDS, str(told)]
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
    process = subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    signal.signal(signal.SIGHUP, before)
    os.close(theirs)
    os.close(ours)
    _, errors = process.communicate()
    assert told.read_text() == came, errors
    assert process.returncode == 0


class _Interrupted:
    """An object that is deleted while a signal comes."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self._number)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_came_while_an_object_was_deleted_is_raised_by_the_next_batch(number):
    went_on = []

    def train() -> None:
        with interrupting_signals():
            raise_lost_interrupt()  # nothing came yet
            thing = _Interrupted(number)
            del thing  # Python prints "Exception ignored", and goes on
            went_on.append(True)
            LostInterrupts().on_train_batch_end()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            train()
    finally:
        signal.signal(signal.SIGINT, before)
    assert went_on
    LostInterrupts().on_train_batch_end()  # of the next command in this process


@pytest.mark.slow
def test_sigterm_while_cells_are_stored_ends_in_order(start, world, tmp_path):
    run = tmp_path / "run"
    process = start(*new_run(world, run, 1))
    wait_for(lambda: any((tmp_path / "cache").rglob("*.*")), process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert f"resume={run}" in output
    assert "Traceback" not in output
    assert not (run / "checkpoints").exists()
    assert not (run / "lock").exists()
    require_success(start(f"resume={run}"))
    assert list(pd.read_csv(run / "metrics.csv")["epoch"]) == [1]


@pytest.mark.parametrize("finished", [False, True])
def test_an_interrupted_training_names_what_it_kept(finished, tmp_path):
    run = RunFolder(tmp_path)
    if finished:
        run.checkpoints.mkdir()
        run.last_checkpoint.touch()
    assert ("the last finished epoch is saved" in kept_of(run)) == finished
    assert ("nothing is saved" in kept_of(run)) != finished


@pytest.mark.slow
def test_a_run_is_trained_by_one_process_and_ends_at_sigterm(start, world, tmp_path):
    run = tmp_path / "run"
    first = start(*new_run(world, run, 500))
    wait_for((run / "checkpoints" / "last.ckpt").is_file, first)
    second = start(f"resume={run}", "trainer.max_epochs=600")
    output, _ = second.communicate()
    assert second.returncode == 1
    assert f"process {first.pid} on " in output
    assert "trains this run now" in output
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate()
    assert first.returncode == 130, output
    assert "the last finished epoch is saved" in output
    done = len(pd.read_csv(run / "metrics.csv"))
    require_success(start(f"resume={run}", f"trainer.max_epochs={done + 1}"))


@pytest.mark.slow
def test_slurm_requeues_a_run_that_the_same_command_finishes(start, world, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "asked"}\n')
    (tools / "scontrol").chmod(0o755)
    job = {f"SLURM_{name}": "0" for name in ("PROCID", "LOCALID", "NODEID")}
    job |= {"SLURM_JOB_ID": "77", "SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train"}
    job |= {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    run = tmp_path / "run"
    process = start(*new_run(world, run, EPOCHS), **job)
    wait_for((run / "checkpoints" / "last.ckpt").is_file, process)
    process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert (tmp_path / "asked").read_text() == "requeue 77\n"
    assert not list(run.glob("*.ckpt"))  # no state from the middle of an epoch
    done = len(pd.read_csv(run / "metrics.csv"))
    assert 0 < done < EPOCHS
    require_success(start(*new_run(world, run, EPOCHS), **job, SLURM_RESTART_COUNT="1"))
    assert list(pd.read_csv(run / "metrics.csv")["epoch"]) == list(range(1, EPOCHS + 1))
