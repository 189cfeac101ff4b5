"""The jobs of a sweep: composed before the first one starts, and recognised by their config where they ran before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from hpa.config import Config, plain
from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.sweeps.outcome import JobOutcome

_WHERE = ("run_dir", "resume", "hydra")
"""Keys that say where a job writes, not what it does."""


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        overrides: Its words.
        digest: Of its config.
        folder: Name of its folder within that of the sweep.
    """

    overrides: tuple[str, ...]
    digest: str
    folder: str

    @property
    def words(self) -> list[str]:
        """The words to launch it with: its own, and the folder that this sweep gave it."""
        quoted = self.folder.replace("\\", "\\\\").replace("'", "\\'")
        return [*self.overrides, f"hydra.sweep.subdir='{quoted}'"]


def digest_of_config(config: Config) -> str:
    """Return the digest of what a config makes, wherever it is written."""
    return digest_of_values({key: value for key, value in config.items() if key not in _WHERE})


def plan_jobs(
    words: Sequence[Sequence[str]],
    compose: Callable[[list[str]], DictConfig],
    known: Mapping[str, JobOutcome],
    numbers: Sequence[int] | None = None,
) -> list[Job]:
    """Return the jobs of a sweep, each with its folder: the one where the same config ran before, else a new one.

    Args:
        words: Overrides of each job.
        compose: Makes a job's config from them, hydra's settings included.
        known: Outcomes of the jobs that the sweep's folder holds.
        numbers: Of each job, which must be new; None takes the next ones that are free.

    Raises:
        InputError: If a config cannot be composed, or two jobs would share a folder.
    """
    folders = {outcome.digest: name for name, outcome in known.items()}
    taken = {int(name) for name in known if name.isdigit()}
    jobs: list[Job] = []
    for position, overrides in enumerate(words):
        config = compose(list(overrides))
        digest = digest_of_config(plain(_without_hydra(config)))
        if digest not in folders:
            number = max(taken, default=-1) + 1 if numbers is None else numbers[position]
            taken.add(number)
            folders[digest] = _new_folder(config, number, {*folders.values()})
        jobs.append(Job(tuple(overrides), digest, folders[digest]))
    return jobs


def _without_hydra(config: DictConfig) -> DictConfig:
    """Return the config of the job alone."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def _new_folder(config: DictConfig, number: int, taken: set[str]) -> str:
    with open_dict(config):
        config.hydra.job.num = number
        config.hydra.job.id = str(number)
    name = str(Path(str(config.hydra.sweep.subdir)))
    if name in taken or name in (".", "..") or Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(
            f"hydra.sweep.subdir: makes {name!r} the folder of a job, which is another's or lies outside; "
            "leave it out, or name there what distinguishes the jobs."
        )
    return name
