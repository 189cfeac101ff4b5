"""Several processes that train one run together, one a device: the first one starts the others, and alone writes.

Lightning starts them by repeating the command line, which hydra, sweeps and a run folder named by the time do not bear.
Here the first process makes the run, prepares its data, and starts `python -m hpa.app.rank RUN` for each other device;
they read RUN/config.yaml. On several machines srun or torchrun start all of them, and the others wait for the first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import distributed

from hpa.core.errors import InputError

MODULE = "hpa.app.rank"
_END_S = 60.0
_POLL_S = 0.2


@dataclass(frozen=True)
class Launch:
    """How srun or torchrun started this process beside others.

    Attributes:
        rank: Number of this process among all of them.
        name: What they share, and no other launch has.
    """

    rank: int
    name: str

    @classmethod
    def of_this_process(cls) -> Launch | None:
        """Return how this process was started beside others; None where it is alone."""
        env = os.environ
        if "TORCHELASTIC_RUN_ID" in env:
            parts = (env["TORCHELASTIC_RUN_ID"], env.get("MASTER_PORT", ""), env.get("TORCHELASTIC_RESTART_COUNT", "0"))
            return cls(int(env["RANK"]), ".".join(parts))
        if int(env.get("SLURM_NTASKS", "1")) > 1 and "SLURM_PROCID" in env:
            names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")
            return cls(int(env["SLURM_PROCID"]), ".".join(env.get(name, "0") for name in names))
        return None


def leave_group() -> None:
    """End what the processes share, so that the next training of this process starts with others."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def other_ranks(run: Path, count: int) -> Iterator[None]:
    """Run the other processes of a training of so many on this machine; they end with the block.

    Raises:
        InputError: If one of them fails.
    """
    if count == 1:
        yield
        return
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0"}
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    quiet = {"TORCH_CPP_LOG_LEVEL": "ERROR"}  # the first process says the same
    command = [sys.executable, "-m", MODULE, str(run)]
    others = [
        subprocess.Popen(command, env=threads | quiet | os.environ | shared | {"LOCAL_RANK": str(rank)})
        for rank in range(1, count)
    ]
    before = {name: os.environ.get(name) for name in (*shared, "LOCAL_RANK")}
    os.environ.update(shared | {"LOCAL_RANK": "0"})
    try:
        yield
        _wait(others)
    except RuntimeError as error:  # what the others share with this process has broken
        _require_running(others, error)
        raise
    finally:
        _end(others)
        leave_group()
        _restore(before)


def wait_for_run(run: Path, launch: Launch) -> None:
    """Wait until the first process of a launch has prepared a run."""
    file = run / f".launch.{launch.name}"
    while not file.is_file():
        time.sleep(_POLL_S)


def announce_run(run: Path, launch: Launch) -> None:
    """Let the other processes of a launch begin."""
    for old in run.glob(".launch.*"):
        old.unlink()
    (run / f".launch.{launch.name}").touch()


def _wait(others: list[subprocess.Popen[bytes]]) -> None:
    for rank, process in enumerate(others, start=1):
        if process.wait(timeout=_END_S):
            raise InputError(f"process {rank} of this run ended with exit code {process.returncode}; see above.")


def _require_running(others: list[subprocess.Popen[bytes]], error: Exception) -> None:
    time.sleep(_POLL_S)
    failed = [rank for rank, process in enumerate(others, start=1) if process.poll()]
    if failed:
        raise InputError(f"process {failed[0]} of this run failed, see above; the others were ended.") from error


def _end(others: list[subprocess.Popen[bytes]]) -> None:
    for process in others:
        if process.poll() is None:
            process.terminate()
    for process in others:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_END_S)
        if process.poll() is None:
            process.kill()


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
