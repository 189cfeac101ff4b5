"""Where a study is kept: a database that can be reached, or words that say why not."""

import os
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from hpa.core.errors import InputError
from hpa.sweeps.optuna_study import StudySettings, run_study, storage_of
from hpa.sweeps.outcome import FINISHED, JobOutcome, write_outcome
from tests.sweeps.test_plan import compose

optuna = pytest.importorskip("optuna")
SERVER = os.environ.get("HPA_POSTGRESQL")


class Launcher:
    """Runs jobs whose score is their rate."""

    def __init__(self, sweep) -> None:
        self.sweep = sweep

    def launch(self, job_overrides, initial_job_idx):
        for number, words in enumerate(job_overrides, start=initial_job_idx):
            rate = float(words[0].removeprefix("rate="))
            write_outcome(
                self.sweep / str(number), JobOutcome(tuple(words), "", FINISHED, 0, None, "score", {"score": rate})
            )
        return [SimpleNamespace() for _ in job_overrides]


def study(sweep, storage: str, trials: int, name: str = "hpa") -> int:
    words = OverridesParser.create().parse_overrides(["rate=interval(0.0,1.0)"])
    sampler = {"name": "RandomSampler", "seed": 0}
    settings = StudySettings(trials, 1, {}, storage, name, sampler, None)
    return run_study(words, settings, sweep, compose, Launcher(sweep))


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        ("nonsense", "cannot be opened"),
        ("nosuch://host/base", "cannot be opened"),
        ("sqlite:////nowhere/study.db", "unable to open database file"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_with_what_is_expected(tmp_path, storage, told):
    with pytest.raises(InputError, match=rf"{told}.*Expected is sqlite:///FILE or postgresql"):
        study(tmp_path, storage, 1)


@pytest.mark.skipif(SERVER is None, reason="needs HPA_POSTGRESQL=postgresql://USER@HOST/DATABASE, a server for tests")
def test_folders_on_two_machines_work_on_one_study(tmp_path):
    pytest.importorskip("psycopg", reason="needs pip install 'hpa-cells[sweeps]'")
    name = f"test-{uuid4()}"
    assert study(tmp_path / "one", SERVER, 2, name) == 0
    assert study(tmp_path / "two", SERVER, 3, name) == 0
    trials = optuna.load_study(study_name=name, storage=storage_of(SERVER, tmp_path)).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    assert all(trial.value == trial.params["rate"] for trial in trials)
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["2"]
    optuna.delete_study(study_name=name, storage=storage_of(SERVER, tmp_path))
