"""A run on disk: config, facts, checkpoints, metrics, predictions, page. `infer.py` and `resume=` read only this."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # omegaconf reads YAML by it

from hpa.config import Config
from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.core.file_lock import Lock, held
from hpa.core.json_file import read_json
from hpa.core.ownership import seal_of
from hpa.core.whole_file import whole_file
from hpa.training.own_paths import SEAL
from hpa.training.software import commit, versions
from hpa.values import require_saved

JOB_FILE = "job.json"
"""In the folder of a job of a sweep: how it stands."""
_MAX_DEPTH = 40
_LOCK = "lock"
_LOCK_GUARD = f"{_LOCK}.takeover"
_FACTS = " Delete the file; resume= trains on from the checkpoints."
_KINDS_OF_FACTS: dict[str, type] = {
    **{"finished": bool, "epochs": int, "max_epochs": int, "monitor": str},
    **dict.fromkeys(("class_names", "members", "ensemble", "command", "tags"), list),
    **dict.fromkeys(("scores", "teachers", "folds"), dict),
}
RUNS = "runs"
"""Folder of the runs without run_dir=."""
_OF_A_RUN = (
    *("config.yaml", "run.json", "images.parquet", "metrics.csv", "checkpoints", "pictures", "stages"),
    *("wandb", "tensorboard", "mlflow.db", "mlruns"),
)
"""What a run writes until its first epoch is finished and saved."""
_NEEDED = (
    *("task", "data", "segmenter", "model", "loss", "supervision", "metric", "augment", "loading", "optimizer"),
    *("trainer", "logger", "stages", "folds", "store", "seed", "run_dir"),
)
"""Keys that every config of a run holds."""


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, by name.

    Attributes:
        path: The folder, RUN.
    """

    path: Path

    @classmethod
    def create(cls, config: Config, name: str, sweep_folder: Path | None) -> RunFolder:
        """Make the folder of a new run and write its config and facts.

        Raises:
            InputError: If it holds a run or anything else already, or if a sweep was given one fixed folder for all
                its jobs.
        """
        wanted = config["run_dir"]
        if sweep_folder is not None and wanted is not None:
            raise InputError(f"run_dir={wanted}: the jobs of a sweep cannot share a folder; leave run_dir out with -m.")
        folder = cls(sweep_folder or as_path(wanted or new_run_folder(name)).expanduser())
        if folder.config_file.exists() and not has_epoch(folder):
            with folder.held():  # nobody is at its first epoch now
                discard(folder)
        if folder.config_file.exists():
            raise InputError(
                f"{folder.path}: holds a run already; go on with resume={quote(str(folder.path))} or choose another "
                "run_dir."
            )
        require_empty(folder.path)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.write_config(config)
        folder.write_facts(
            {
                "finished": False,
                "command": sys.argv,
                "commit": commit(),
                "versions": versions(),
                "tags": config.get("tags", []),
            }
        )
        return folder

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Open an existing run; `last` is the newest one below runs/.

        Raises:
            InputError: If the folder holds none.
        """
        folder = cls(newest_run() if str(path) == "last" else as_path(path).expanduser())
        if not folder.config_file.is_file():
            raise InputError(f"{folder.path}: no run here (config.yaml is missing); give resume= the folder of a run.")
        return folder

    @property
    def config_file(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    def held(self) -> AbstractContextManager[Lock]:
        """Hold the run, so that no other process trains it.

        Raises:
            InputError: If another one does, naming it and its machine.
        """
        return held(self.path / _LOCK, "trains this run", "wait until it ends, or train in another run_dir.")

    def sweep(self) -> None:
        """Delete files that a killed process left unfinished; for whoever holds the run, as nobody else writes then."""
        folders = [self.path, *(entry for entry in self.path.iterdir() if _is_swept(entry))]
        for orphan in [orphan for folder in folders for orphan in folder.glob(".*.part")]:
            if orphan.is_dir():
                shutil.rmtree(orphan)
            else:
                orphan.unlink(missing_ok=True)
        (self.path / _LOCK_GUARD).unlink(missing_ok=True)

    @property
    def checkpoints(self) -> Path:
        """The folder of `last.ckpt` and `best.ckpt`."""
        return self.path / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """The state after the last finished epoch."""
        return self.checkpoints / "last.ckpt"

    def newest_checkpoint(self) -> Path | None:
        """Return the checkpoint to go on from: the last one, or the best one if the last is lost; None of a new run."""
        files = (self.last_checkpoint, self.checkpoints / "best.ckpt")
        return next((file for file in files if file.is_file()), None)

    def config(self) -> Config:
        """Read the config, which holds plain values only.

        Raises:
            InputError: If it is damaged, holds anything else, or names a part that does not fill its slot.
        """
        try:
            _require_simple(self.config_file)
            config = OmegaConf.to_container(OmegaConf.load(self.config_file), resolve=False)
        except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:  # ValueError: text that is no UTF-8
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{self.config_file}: cannot be read ({first}); start a new run.") from error
        require_saved(config, str(self.config_file))
        values = cast("Config", config)
        if missing := [slot for slot in _NEEDED if slot not in values]:
            raise InputError(
                f"{self.config_file}: lacks {', '.join(missing)}; another version wrote it, or it was changed. "
                "Start a new run."
            )
        return values

    def write_config(self, config: Config) -> None:
        """Write the config and this user's seal, whole or not at all."""
        with whole_file(self.config_file) as file:
            file.write(f"{OmegaConf.to_yaml(config)}{SEAL}{seal_of(config)}\n".encode())

    def facts(self) -> dict[str, Any]:
        """Read the facts of the run beside its config, `run.json`.

        Raises:
            InputError: If the file is damaged.
        """
        file = self.path / "run.json"
        try:
            facts = read_json(file) if file.is_file() else {}
        except (OSError, ValueError) as error:
            raise InputError(
                f"{file}: the facts of a run are expected, but cannot be read ({error}).{_FACTS}"
            ) from error
        _require_facts(file, facts)
        return facts

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Add facts to `run.json`."""
        text = json.dumps(self.facts() | facts, indent=1)
        with whole_file(self.path / "run.json") as file:
            file.write(text.encode())


def _require_simple(file: Path) -> None:
    """Refuse YAML that means more than it says: anchors that repeat each other, and nesting without end.

    Raises:
        ValueError: If the file holds such.
        YAMLError: If it is no YAML.
    """
    depth = 0
    for event in yaml.parse(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH or isinstance(event, yaml.AliasEvent):
            raise ValueError("it repeats parts by anchors, or is nested too deep")


def _is_swept(entry: Path) -> bool:
    """Return whether a folder in a run is its own; stages are runs, and a link leads elsewhere."""
    return entry.is_dir() and not entry.is_symlink() and entry.name != "stages"


def sweep_finished(run: RunFolder) -> None:
    """Delete what a process left that was killed at the very end of a run; nothing where another one trains on."""
    if (run.path / _LOCK).exists():
        with contextlib.suppress(InputError), run.held():
            run.sweep()


def new_run_folder(name: str) -> Path:
    """Return where a run goes that is given no folder.

    Args:
        name: Of the run, e.g. its model and loss.
    """
    return Path(RUNS) / f"{datetime.now().strftime('%Y-%m-%d_%H-%M-%S')}_{name}"


def has_epoch(run: RunFolder, in_scores: bool = True) -> bool:
    """Return whether an epoch of a run is finished, or of one of its stages: it left a checkpoint, or its scores."""
    files = ("checkpoints/*.ckpt", "stages/**/checkpoints/*.ckpt", *(["metrics.csv"] if in_scores else []))
    return any(next(run.path.glob(pattern), None) is not None for pattern in files)


def discard(run: RunFolder) -> None:
    """Delete what a run without a finished epoch has written."""
    for name in _OF_A_RUN:
        path = run.path / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def newest_run() -> Path:
    """Return the newest run below runs/, those of sweeps among them.

    Raises:
        InputError: If there is none.
    """
    facts = [*Path(RUNS).glob("*/run.json"), *Path(RUNS).glob("*_sweep/*/run.json")]
    if not facts:
        raise InputError(f"resume=last: no run is below {Path(RUNS).absolute()}; give resume= the folder of a run.")
    return max(facts, key=lambda file: file.stat().st_mtime_ns).parent


def require_empty(folder: Path) -> None:
    """Do nothing where a new run may be written: what another program put here is neither replaced nor mixed in.

    Raises:
        InputError: If there is a file, or a folder that holds something.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a new folder is expected for the run, this is a file; choose another run_dir.")
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    foreign = [
        name for name in names if name not in (_LOCK, _LOCK_GUARD, JOB_FILE) and not name.startswith(".")
    ]  # what a kill leaves
    if foreign:
        raise InputError(
            f"{folder}: a new or empty folder is expected for the run, this one holds {', '.join(foreign[:3])}"
            f"{', …' if len(foreign) > 3 else ''}; choose another run_dir."
        )


def _require_facts(file: Path, facts: Any) -> None:
    if not isinstance(facts, dict):
        raise InputError(f"{file}: the facts of a run are expected, found a {type(facts).__name__}.{_FACTS}")
    for name, kind in _KINDS_OF_FACTS.items():
        value: object = facts.get(name)
        if value is None:  # as the score of a chain of which no stage has one
            continue
        if not isinstance(value, kind) or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
            of = "a list of texts" if kind is list else f"of type {kind.__name__}"
            raise InputError(f"{file}: '{name}' is expected to be {of}.{_FACTS}")
    if facts.get("finished") and not {"epochs", "max_epochs"} <= set(facts):
        raise InputError(f"{file}: a finished run has 'epochs' and 'max_epochs', which are missing.{_FACTS}")
