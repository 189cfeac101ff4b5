"""Runs jobs by the launcher that was chosen; a job that dies does not take the others with it.

Launchers hand back what jobs return, but where the process of a job is killed (out of memory, a time limit) they raise,
and then say nothing of the other jobs. Joblib has killed those; submitit lets them run. So the sweep waits until what
was submitted has ended, and runs each job without an outcome once more, by itself.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from hpa.core.errors import InputError
from hpa.sweeps.outcome import FAILED, INTERRUPTED, RUNNING, JobOutcome, read_outcome, write_outcome
from hpa.sweeps.plan import Job

log = logging.getLogger(__name__)

EXIT_INTERRUPTED = 130
_DIED = "its process did not start, or ended without a word, twice"
_CAUSES = "killed from outside, by a time limit, or for want of memory"


class Launches(Protocol):
    """What every launcher of hydra can do."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
        """Run jobs and give what became of each."""


class SweepInterrupted(Exception):  # noqa: N818 - no error
    """The sweep was interrupted; no further job is started."""


def launch_jobs(launcher: Launches, sweep: Path, jobs: Sequence[Job], first_number: int) -> None:
    """Run jobs and leave an outcome of each in its folder.

    Args:
        launcher: Chosen by `hydra/launcher=`.
        sweep: Folder of the sweep.
        jobs: Those to run.
        first_number: Number of the first, for the launcher.

    Raises:
        SweepInterrupted: If one of the jobs, or this process, was interrupted.
    """
    for job in jobs:
        write_outcome(sweep / job.folder, JobOutcome(job.overrides, job.digest))
    if _launch(launcher, sweep, jobs, first_number) is not None:
        for job in _without_end(sweep, jobs):
            log.warning("job %s ended without a word; it is run once more, by itself", job.folder)
            if (reason := _launch(launcher, sweep, [job], first_number)) and job in _without_end(sweep, [job]):
                _fail(sweep, job, f"{_DIED}. The launcher: {reason}")
    for job in _without_end(sweep, jobs):
        _fail(sweep, job, f"{_DIED}: {_CAUSES}")
    if any(_read(sweep, job).state == INTERRUPTED for job in jobs):
        raise SweepInterrupted


def _launch(launcher: Launches, sweep: Path, jobs: Sequence[Job], first_number: int) -> str | None:
    """Run jobs and return None where each could say how it ended, else why the launcher gave up."""
    before = _submitted(sweep)
    try:
        results = launcher.launch([job.words for job in jobs], initial_job_idx=first_number)
    except SystemExit as stop:  # how a job stops the rest of its sweep
        raise SweepInterrupted from stop
    except KeyboardInterrupt as stop:
        raise SweepInterrupted from stop
    except Exception as error:  # a launcher raises whatever its library does
        print(f"the launcher gave up: {_first_line(error)}", file=sys.stderr)
        _await_submitted(launcher, sweep, before)
        return _first_line(error)
    for job, result in zip(jobs, results, strict=True):
        returned = getattr(result, "_return_value", None)
        if isinstance(returned, Exception) and _read(sweep, job).state == RUNNING:
            _fail(sweep, job, _first_line(returned))
    return None


def _without_end(sweep: Path, jobs: Sequence[Job]) -> list[Job]:
    return [job for job in jobs if _read(sweep, job).state == RUNNING]


def _read(sweep: Path, job: Job) -> JobOutcome:
    outcome = read_outcome(sweep / job.folder)
    if outcome is None:
        raise InputError(f"{sweep / job.folder}: the folder of this job was deleted while the sweep ran; start again.")
    return outcome


def _fail(sweep: Path, job: Job, reason: str) -> None:
    write_outcome(sweep / job.folder, JobOutcome(job.overrides, job.digest, FAILED, 1, reason))


def _first_line(error: BaseException) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}"[:300]


def _submitted(sweep: Path) -> set[Path]:
    """Return the files in which submitit keeps the jobs that it has submitted."""
    return set(sweep.glob(".submitit/**/*_submitted.pkl"))


def _await_submitted(launcher: Launches, sweep: Path, before: set[Path]) -> None:
    """Wait for jobs that submitit runs on, whatever became of the first."""
    started = _submitted(sweep) - before
    if not started:
        return
    import submitit

    kind = {"local": submitit.LocalJob, "slurm": submitit.SlurmJob}[launcher._EXECUTOR]  # type: ignore[attr-defined]
    for file in sorted(started):
        job = kind(folder=file.parent, job_id=file.name.removesuffix("_submitted.pkl"))
        job.wait()
