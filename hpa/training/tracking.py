"""Where scores go beside metrics.csv (`logger=wandb`, `logger=[csv,tensorboard]`): by Lightning's own loggers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning.loggers import Logger

from hpa.config import Config, build_each
from hpa.core.errors import InputError
from hpa.training.run_folder import JOB_FILE, RunFolder


@runtime_checkable
class Tracking(Protocol):
    """What a `logger=` choice does."""

    def logger(self, run: RunFolder, config: Config) -> Logger:
        """Return the logger of a run; a resumed run gets the one that it had."""

    def finish(self, run: RunFolder) -> None:
        """End the logging of this run, so that the next one in this process is a run of its own."""


@dataclass(frozen=True)
class Belonging:
    """What a run is called among others.

    Attributes:
        name: Of the run.
        group: The sweep or the chain that it belongs to, None of a run by itself.
        job_type: "train", or "stage 0" of a chain.
    """

    name: str
    group: str | None
    job_type: str

    @classmethod
    def of(cls, folder: Path) -> Belonging:
        """Return what the run of a folder is called, by where it lies.

        >>> Belonging.of(Path("runs/cv/stages/1"))
        Belonging(name='cv_stages_1', group='cv', job_type='stage 1')
        """
        parts = list(folder.resolve().parts)
        root = parts[: parts.index("stages")] if "stages" in parts[:-1] else parts
        in_sweep = Path(*root, JOB_FILE).is_file() and len(root) > 2
        first = len(root) - (2 if in_sweep else 1)
        stage = ".".join(part for part in parts[len(root) :] if part != "stages")
        group = "_".join(root[first:]) if stage else root[-2] if in_sweep else None
        return cls("_".join(parts[first:]), group, f"stage {stage}" if stage else "train")


class TensorboardTracking:
    """Writes event files into the run's folder."""

    def logger(self, run: RunFolder, config: Config) -> Logger:
        """Return Lightning's logger.

        Raises:
            InputError: If TensorBoard is not installed.
        """
        from pytorch_lightning.loggers import TensorBoardLogger

        try:
            logger = TensorBoardLogger(save_dir=run.path, name="", version="tensorboard")
        except ModuleNotFoundError as error:
            raise _missing("tensorboard", error) from error
        logger.log_hyperparams(config)
        return logger

    def finish(self, run: RunFolder) -> None:
        """Do nothing: Lightning closes the files."""


class MlflowTracking:
    """Sends scores to MLflow.

    Attributes:
        experiment: Name that runs are listed under.
        tracking_uri: Server or store; None takes $MLFLOW_TRACKING_URI, else a database in the run's folder.
    """

    def __init__(self, experiment: str, tracking_uri: str | None) -> None:
        self.experiment = experiment
        self.tracking_uri = tracking_uri

    def logger(self, run: RunFolder, config: Config) -> Logger:
        """Return Lightning's logger; a resumed run goes on in its own.

        Raises:
            InputError: If MLflow is not installed.
        """
        from pytorch_lightning.loggers import MLFlowLogger

        own = f"sqlite:///{(run.path / 'mlflow.db').resolve()}"
        uri = self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or own
        belonging = Belonging.of(run.path)
        tags = {} if belonging.group is None else {"group": belonging.group}
        known = run.facts().get("mlflow_run")
        try:
            logger = MLFlowLogger(self.experiment, belonging.name, uri, tags=tags, run_id=known)
            if known is not None:
                logger.experiment.get_run(known)
        except ModuleNotFoundError as error:
            raise _missing("mlflow", error) from error
        except Exception as error:  # mlflow.exceptions.MlflowException, where mlflow can be imported
            raise InputError(
                f"logger.mlflow: {str(error).splitlines()[0]} ({uri}); logger.mlflow.tracking_uri= names the server or "
                "the store that keeps the run."
            ) from error
        if known is None:  # MLflow refuses other values later; a resumed run keeps its first
            logger.log_hyperparams(config)
        run.write_facts({"mlflow_run": logger.run_id})
        return logger

    def finish(self, run: RunFolder) -> None:
        """Do nothing: Lightning ends the run."""


@contextmanager
def tracked(parts: Mapping[str, Any], run: RunFolder, config: Config) -> Iterator[list[Logger]]:
    """Give the loggers of a run, and end them whatever happens.

    Args:
        parts: The slot `logger`: a tracker by each name; of older runs one tracker itself.
        run: The run.
        config: Its config, which the trackers show.
    """
    chosen = {"logger": dict(parts)} if "_target_" in parts else parts
    trackings: list[Tracking] = build_each(chosen, "logger")
    opened: list[Tracking] = []
    try:
        loggers = []
        for tracking in trackings:
            opened.append(tracking)
            loggers.append(tracking.logger(run, config))
        yield loggers
    finally:
        for tracking in opened:
            tracking.finish(run)


def _missing(extra: str, error: ModuleNotFoundError) -> InputError:
    return InputError(f"logger={extra}: {error}; install it: pip install 'hpa-cells[{extra}]'.")
