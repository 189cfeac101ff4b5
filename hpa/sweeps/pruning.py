"""Stops a trial early whose scores fall behind those of other trials, after any epoch, in the process of the trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from hpa.sweeps.optuna_study import part_of, storage_of


class TrialReports:
    """Reports scores of a trial to its study.

    Attributes:
        is_pruned: Whether the study wants the trial to stop.
    """

    def __init__(self, trial: Any, name: str) -> None:
        self._trial = trial
        self._name = name
        self.is_pruned = False

    def add(self, epoch: int, scores: Mapping[str, Any]) -> None:
        """Report the scores after an epoch; one that is no number is left out."""
        value = float(scores.get(self._name, float("nan")))
        if value == value:
            self._trial.report(value, epoch)
            self.is_pruned = self._trial.should_prune()


def reports_of(run: Path, monitor: str) -> TrialReports | None:
    """Return where the run of a folder reports to; None unless it is a trial of a study that prunes.

    Args:
        run: Folder of the run; a stage of a chain is no trial.
        monitor: The monitored score, which counts where the study names no objective.
    """
    if not HydraConfig.initialized():
        return None
    settings = HydraConfig.get()
    sweeper: Any = OmegaConf.to_container(settings.sweeper, resolve=True)
    sweep = Path(settings.sweep.dir)
    objectives = sweeper.get("objectives") or {}
    if not sweeper.get("pruner") or len(objectives) > 1 or run.resolve().parent != sweep.resolve():
        return None
    import optuna

    pruner = part_of(optuna.pruners, sweeper["pruner"], "pruner")
    study = optuna.load_study(
        study_name=sweeper["study_name"], storage=storage_of(sweeper["storage"], sweep), pruner=pruner
    )
    numbers = {trial.number: trial._trial_id for trial in study.get_trials(deepcopy=False)}
    number = int(run.name) if run.name.isdigit() else -1
    if number not in numbers:
        return None
    return TrialReports(optuna.trial.Trial(study, numbers[number]), next(iter(objectives), monitor))
