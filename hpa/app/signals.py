"""Signals of clusters end a command as Ctrl-C does: what is finished is kept, and the same command goes on later.

SIGTERM comes from SLURM, Kubernetes and notebooks that are stopped, SIGHUP from a terminal that is closed. SIGUSR1 is
sent by SLURM some time before its limit (`#SBATCH --signal=USR1@60`): then the job is put into the queue again.
"""

from __future__ import annotations

import logging
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from hpa.core.interrupts import forget_interrupts, note_interrupt

log = logging.getLogger(__name__)


@contextmanager
def interrupting_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGTERM, SIGHUP, and within SLURM at SIGUSR1, which also requeues the job at the end.

    Where `nohup` makes a command ignore the end of its terminal, it goes on. These signals and Ctrl-C are noted for the
    loops that would go on (`hpa.core.interrupts`).
    """
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return
    watched = [signal.SIGTERM, *([signal.SIGUSR1] if "SLURM_JOB_ID" in os.environ else [])]
    watched += [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    watched += [signal.SIGINT] if signal.getsignal(signal.SIGINT) == signal.default_int_handler else []
    process = os.getpid()
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGINT:  # each time: who presses it twice does not want to wait
            note_interrupt(number)
            raise KeyboardInterrupt
        if os.getpid() != process:  # a loader that was forked ends as if nobody watched
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not received:  # once: the second one would disturb what the first one makes end in order
            received.append(number)
            note_interrupt(number)
            if number == signal.SIGHUP:
                _leave_terminal()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in watched}
    try:
        yield
    finally:
        forget_interrupts()  # whoever began this has seen it now
        for number, handler in before.items():
            signal.signal(number, handler)
        if received and received[0] == signal.SIGUSR1:
            _requeue()


def _leave_terminal() -> None:
    """Let the last words go nowhere: writing to a terminal that is gone is an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        with suppress(OSError):  # it is closed
            if stat.S_ISCHR(os.fstat(number).st_mode):
                os.dup2(nowhere, number)
    os.close(nowhere)


def is_requeued() -> bool:
    """Return whether SLURM runs this job again, so that the command finds the run that it started before."""
    return int(os.environ.get("SLURM_RESTART_COUNT", "0") or "0") > 0


def _requeue() -> None:
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else os.environ["SLURM_JOB_ID"]
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
    except OSError as error:
        log.warning("SLURM job %s is not requeued: scontrol cannot be run (%s)", job, error)
        return
    if done.returncode:
        log.warning("SLURM job %s is not requeued: %s", job, done.stderr.strip())
    else:
        log.info("SLURM job %s is requeued", job)
