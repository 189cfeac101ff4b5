"""All combinations of the choices on a command line (`-m model=resnet18,resnet50 loss=focal,asymmetric`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from hpa.core.errors import InputError
from hpa.sweeps.launching import Launches, SweepInterrupted, launch_jobs
from hpa.sweeps.outcome import JobOutcome, read_outcomes, worst_code
from hpa.sweeps.plan import Job, plan_jobs
from hpa.sweeps.summary import summary_of_sweep

EXIT_INTERRUPTED = 130


def run_grid(
    words: Sequence[Override], sweep: Path, compose: Callable[[list[str]], DictConfig], launcher: Launches
) -> int:
    """Run every combination that has not finished in this folder before, print what became of them, return the code.

    Args:
        words: Of the command line, parsed.
        sweep: Folder of the sweep.
        compose: Makes the config of a job from its words.
        launcher: Runs jobs.

    Raises:
        InputError: If there is no job, or one cannot be composed; then none is started.
    """
    combinations = BasicSweeper.split_arguments(list(words), None)[0]
    if not combinations:
        raise InputError("this sweep has no job; name choices with commas, e.g. -m model=resnet18,resnet50")
    jobs = list(dict.fromkeys(plan_jobs(combinations, compose, read_outcomes(sweep))))
    return run_planned(jobs, sweep, launcher)


def run_planned(jobs: Sequence[Job], sweep: Path, launcher: Launches) -> int:
    """Run jobs that are not done, print what became of all, and return the exit code of the one that ended worst."""
    known = read_outcomes(sweep)
    done = [job for job in jobs if job.folder in known and known[job.folder].is_done]
    waiting = [job for job in jobs if job not in done]
    again = f", {len(done)} are finished" if done else ""
    print(f"sweep  {sweep}: {len(jobs)} jobs{again}; if stopped, the same command with hydra.sweep.dir={sweep} goes on")
    interrupted = False
    try:
        if waiting:
            launch_jobs(launcher, sweep, waiting, first_number=len(done))
    except SweepInterrupted:
        interrupted = True
    outcomes = _of(jobs, sweep)
    print("\n".join(summary_of_sweep(sweep, outcomes, len(done))))
    return EXIT_INTERRUPTED if interrupted else worst_code(outcome.code for outcome in outcomes.values())


def _of(jobs: Sequence[Job], sweep: Path) -> dict[str, JobOutcome]:
    found = read_outcomes(sweep)
    return {job.folder: found[job.folder] for job in jobs if job.folder in found}
