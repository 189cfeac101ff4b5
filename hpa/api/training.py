"""Training and prediction of data sets: `hpa.train`, `hpa.infer`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpa.api.run import Run, open_run
from hpa.api.words import Settings, words_of
from hpa.app.infer import EXIT_NOTHING_USABLE
from hpa.app.infer import infer as write_submission
from hpa.app.scripts import infer_config, train_config
from hpa.app.train import train as train_run
from hpa.core.errors import InputError
from hpa.core.project_folder import project_folder
from hpa.training.run_folder import new_run_folder

_INTERRUPTED = 130


def train(recipe: str | None = None, overrides: Settings | None = None) -> Run:
    """Train a network and return its run.

    Args:
        recipe: A recipe of `experiments/`, e.g. `hpa/best`; None: the defaults of `train.py`.
        overrides: Settings of `train.py`, e.g. `{"loss": "focal", "data.root": "DIR", "run_dir": "RUN"}`.

    Raises:
        InputError: If a setting does not fit, or the data cannot be used.
        KeyboardInterrupt: After Ctrl-C; the last finished epoch is kept.
    """
    words = [] if recipe is None else [f"experiments={recipe}"]
    config, choices = train_config(project_folder(), [*words, *words_of(overrides)])
    if config["run_dir"] is None:
        config["run_dir"] = str(new_run_folder(f"{choices['model']}_{choices['loss']}"))
    code = train_run(config, choices, None)
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        raise InputError(f"{config['run_dir']}: the training did not finish; the reasons stand above.")
    return open_run(config["run_dir"])


def infer(
    runs: str | Path | Run | Sequence[str | Path],
    overrides: Settings | None = None,
    out: str | Path = "submission.csv",
) -> Path:
    """Predict a data set, write the submission as `infer.py` does, and return its path.

    Args:
        runs: A run folder, a checkpoint or an open run; several are an ensemble.
        overrides: Settings of `infer.py`, e.g. `{"data": "kaggle_hpa", "data.root": "DIR", "tta": "d4"}`.
        out: The submission.

    Raises:
        InputError: If a setting does not fit, or no image could be used.
    """
    paths = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    named = [str(run.path if isinstance(run, Run) else run) for run in paths]
    config = infer_config(project_folder(), words_of({"ckpt": named, "out": str(out), **(overrides or {})}))
    if write_submission(config) == EXIT_NOTHING_USABLE:
        raise InputError(f"{out}: no image could be predicted; the reasons stand above.")
    return Path(config["out"])
