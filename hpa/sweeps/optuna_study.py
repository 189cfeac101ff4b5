"""A study of Optuna whose trials are jobs of a sweep (Akiba et al. 2019, arXiv:1907.10902).

The released hydra-optuna-sweeper (1.3.0) pins Optuna below 3, whose databases do not work with SQLAlchemy 2; so this is
a sweeper of our own, on the current Optuna. Trials keep their numbers as names of their folders, so that a study that
was stopped finds its runs again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from hpa.core.errors import InputError
from hpa.sweeps.launching import EXIT_INTERRUPTED, Launches, SweepInterrupted, launch_jobs
from hpa.sweeps.outcome import PRUNED, JobOutcome, read_outcomes, worst_code
from hpa.sweeps.plan import Job, plan_jobs
from hpa.sweeps.search_space import split_space
from hpa.sweeps.summary import summary_of_sweep

_FOLDER = "folder"


@dataclass(frozen=True)
class StudySettings:
    """Settings of a study, those of conf/hydra/sweeper/optuna.yaml."""

    n_trials: int
    n_jobs: int
    objectives: Mapping[str, str]
    storage: str | None
    study_name: str
    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any] | None


def url_of(storage: str | None, sweep: Path) -> str:
    """Return the address of the database of a study, its file in the folder of the sweep where none is named.

    >>> url_of("postgresql://me@host/base", Path("sweep"))  # without a driver, SQLAlchemy 2.0 and 2.1 take another one
    'postgresql+psycopg://me@host/base'
    """
    if storage is None:
        return f"sqlite:///{(sweep / 'study.db').resolve()}"
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", storage)


def run_study(
    words: Sequence[Override],
    settings: StudySettings,
    sweep: Path,
    compose: Callable[[list[str]], DictConfig],
    launcher: Launches,
) -> int:
    """Run trials until the study has as many as it shall have, and return the exit code of the one that ended worst.

    Raises:
        InputError: If nothing is searched, or a setting does not fit.
    """
    fixed, space = split_space(words)
    sweep.mkdir(parents=True, exist_ok=True)
    study = _open(settings, sweep)
    goes_on = f"if stopped, the same command with hydra.sweep.dir={sweep} goes on"
    print(f"study  {sweep}: {len(study.trials)} of {settings.n_trials} trials were started; {goes_on}")
    interrupted = False
    try:
        while batch := _next_trials(study, settings, space, sweep):
            _run_batch(study, settings, batch, fixed, sweep, compose, launcher)
    except SweepInterrupted:
        interrupted = True
    outcomes = read_outcomes(sweep)
    print("\n".join(summary_of_sweep(sweep, outcomes, 0)))
    return EXIT_INTERRUPTED if interrupted else worst_code(outcome.code for outcome in outcomes.values())


def _open(settings: StudySettings, sweep: Path) -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise InputError("hydra/sweeper=optuna needs Optuna: pip install 'hpa-cells[sweeps]'.") from error
    directions: list[Any] = list(settings.objectives.values()) or ["maximize"]
    if wrong := set(directions) - {"maximize", "minimize"}:
        raise InputError(f"hydra.sweeper.objectives: {', '.join(map(str, wrong))}: expected maximize or minimize.")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = storage_of(settings.storage, sweep)
    study = optuna.create_study(
        storage=storage,
        study_name=settings.study_name,
        directions=directions,
        load_if_exists=True,
    )
    sampler = dict(settings.sampler)
    if sampler.get("seed") is not None:  # else a study that goes on would draw its first trials again
        sampler["seed"] += len(study.trials)
    study.sampler = part_of(optuna.samplers, sampler, "sampler")
    return study


def storage_of(address: str | None, sweep: Path) -> Any:
    """Open the database of a study: the one at the address, else the file in the folder of the sweep.

    A connection is closed after each use: a server may drop one that is idle while a trial trains.

    Raises:
        InputError: If its driver is missing, or it cannot be reached. The address may hold a password, so it is not
            shown.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        return RDBStorage(url_of(address, sweep), engine_kwargs={"poolclass": NullPool})
    except ImportError as error:
        raise InputError(
            "hydra.sweeper.storage: this kind of database needs a driver that is not installed; pip install "
            "'hpa-cells[sweeps]' serves postgresql://…, and sqlite:///FILE needs none."
        ) from error
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"hydra.sweeper.storage: the database cannot be opened: {reason} Expected is sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/DATABASE."
        ) from error


def part_of(module: Any, settings: Mapping[str, Any], slot: str) -> Any:
    """Return a part of Optuna by its name.

    Raises:
        InputError: If there is no such part, or it refuses its settings.
    """
    import warnings

    values = dict(settings)
    name = str(values.pop("name", None))
    if name not in module.__all__:
        raise InputError(f"hydra.sweeper.{slot}.name={name}: expected one of {', '.join(sorted(module.__all__))}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an option is experimental
            return getattr(module, name)(**values)
    except (TypeError, ValueError) as error:
        raise InputError(f"hydra.sweeper.{slot}: {error}") from error


def _next_trials(study: Any, settings: StudySettings, space: Mapping[str, Any], sweep: Path) -> list[Any]:
    """Return trials to run: those of this folder that were stopped, then new ones."""
    import optuna

    here = str(sweep.resolve())
    running = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    stopped = [trial for trial in running if trial.user_attrs.get(_FOLDER) == here]
    batch = [optuna.trial.Trial(study, trial._trial_id) for trial in stopped[: settings.n_jobs]]
    while len(batch) < settings.n_jobs and len(study.trials) < settings.n_trials:
        trial = study.ask(dict(space))
        trial.set_user_attr(_FOLDER, here)
        batch.append(trial)
    return batch


def _run_batch(
    study: Any,
    settings: StudySettings,
    batch: Sequence[Any],
    fixed: Sequence[str],
    sweep: Path,
    compose: Callable[[list[str]], DictConfig],
    launcher: Launches,
) -> None:
    words = [[*fixed, *(f"{key}={value}" for key, value in trial.params.items())] for trial in batch]
    known = read_outcomes(sweep)
    jobs = plan_jobs(words, compose, known, [trial.number for trial in batch])
    waiting = list(dict.fromkeys(job for job in jobs if not (job.folder in known and known[job.folder].is_done)))
    if waiting:
        launch_jobs(launcher, sweep, waiting, first_number=batch[0].number)
    outcomes = read_outcomes(sweep)
    for trial, job in zip(batch, jobs, strict=True):
        _report(study, trial, job, outcomes[job.folder], settings.objectives)


def _report(study: Any, trial: Any, job: Job, outcome: JobOutcome, objectives: Mapping[str, str]) -> None:
    """Hand the scores of a trial to the study."""
    from optuna.trial import TrialState

    if outcome.state == PRUNED:
        study.tell(trial, state=TrialState.PRUNED)
        return
    names = list(objectives) or [str(outcome.monitor)]
    values = [outcome.scores[name] for name in names if name in outcome.scores]
    if not outcome.is_done or len(values) < len(names):
        if outcome.is_done:
            print(f"trial {job.folder} has no {', '.join(names)}; it has {', '.join(sorted(outcome.scores))}")
        study.tell(trial, state=TrialState.FAIL)
        return
    study.tell(trial, values)
