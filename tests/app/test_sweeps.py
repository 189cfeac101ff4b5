"""A sweep ends with the exit code of its worst job, whatever the launcher, and goes on where it stopped."""

import json
import subprocess
import time
from collections.abc import Callable

import pytest

SWEEP = ["-m", "size=tiny", "model=tiny", "report=false", "hydra.sweep.dir=sweep"]


@pytest.fixture
def swept(warm) -> Callable[..., subprocess.CompletedProcess]:
    """Run a sweep in a folder."""
    return lambda folder, *words: warm.run(["train.py", *SWEEP, *words], cwd=folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "module"),
    [
        ("joblib", "joblib_launcher"),
        pytest.param("submitit_local", "submitit_launcher", marks=pytest.mark.thorough),
    ],
)
def test_a_launcher_ends_with_the_codes_of_its_jobs(swept, launcher, module, tmp_path):
    pytest.importorskip(f"hydra_plugins.hydra_{module}")
    done = swept(tmp_path, f"hydra/launcher={launcher}", "loss=focal,dice")
    assert done.returncode == 2, done.stderr
    assert "failed  sweep/1" in done.stdout
    assert "DiceLoss (loss) serves task=pixels" in done.stdout
    first = json.loads((tmp_path / "sweep" / "0" / "job.json").read_text())
    assert first["state"] == "finished"
    assert first["scores"][first["monitor"]] == pytest.approx(
        json.loads((tmp_path / "sweep" / "0" / "run.json").read_text())["scores"]["val_image_map"]
    )
    checkpoint = (tmp_path / "sweep" / "0" / "checkpoints" / "last.ckpt").stat()
    again = swept(tmp_path, "loss=focal")
    assert again.returncode == 0, again.stderr
    assert "1 finished (1 of them before this command)" in again.stdout
    assert (tmp_path / "sweep" / "0" / "checkpoints" / "last.ckpt").stat().st_mtime_ns == checkpoint.st_mtime_ns


def test_a_sweep_without_a_job_or_with_a_misspelt_one_starts_nothing(swept, tmp_path):
    none = swept(tmp_path, "experiments=glob(none_such/*)")
    assert none.returncode == 2
    assert "this sweep has no job" in none.stderr
    misspelt = swept(tmp_path, "loss=focal,focl")
    assert misspelt.returncode == 2, misspelt.stderr
    assert not list(tmp_path.glob("sweep/*"))


@pytest.mark.slow
def test_a_killed_study_goes_on_with_its_trials(warm, swept, tmp_path):
    optuna = pytest.importorskip("optuna")
    words = ["hparams_search=learning_rate", "hydra.sweeper.n_trials=3"]
    process = warm.start(["train.py", *SWEEP, *words], cwd=tmp_path)
    while process.poll() is None and not (tmp_path / "sweep" / "1" / "config.yaml").is_file():
        time.sleep(0.05)
    process.kill()
    process.wait()
    first = (tmp_path / "sweep" / "0" / "checkpoints" / "last.ckpt").stat()
    done = swept(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sweep" / "0" / "checkpoints" / "last.ckpt").stat().st_mtime_ns == first.st_mtime_ns
    study = optuna.load_study(study_name="hpa", storage=f"sqlite:///{tmp_path / 'sweep' / 'study.db'}")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    for trial in study.trials:
        outcome = json.loads((tmp_path / "sweep" / str(trial.number) / "job.json").read_text())
        assert trial.value == outcome["scores"][outcome["monitor"]]


@pytest.mark.slow
def test_several_scores_are_optimised_at_once(swept, tmp_path):
    optuna = pytest.importorskip("optuna")
    objectives = "hydra.sweeper.objectives={val_image_map:maximize,val_loss:minimize}"
    done = swept(tmp_path, "hparams_search=learning_rate", objectives, "hydra.sweeper.n_trials=2")
    assert done.returncode == 0, done.stderr
    study = optuna.load_study(study_name="hpa", storage=f"sqlite:///{tmp_path / 'sweep' / 'study.db'}")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    for trial in study.trials:
        scores = json.loads((tmp_path / "sweep" / str(trial.number) / "job.json").read_text())["scores"]
        assert trial.values == [scores["val_image_map"], scores["val_loss"]]
    assert study.best_trials


@pytest.mark.slow
def test_a_trial_that_falls_behind_stops_early(swept, tmp_path):
    optuna = pytest.importorskip("optuna")
    pruner = "hydra.sweeper.pruner={name:ThresholdPruner,upper:0.0}"
    words = ["hydra.sweeper.n_trials=1", "trainer.max_epochs=3", "hydra.sweeper.objectives={val_loss:minimize}"]
    done = swept(tmp_path, "hparams_search=learning_rate", pruner, *words)
    assert done.returncode == 0, done.stderr
    assert "1 pruned" in done.stdout
    (trial,) = optuna.load_study(study_name="hpa", storage=f"sqlite:///{tmp_path / 'sweep' / 'study.db'}").trials
    assert (trial.state.name, list(trial.intermediate_values)) == ("PRUNED", [0])
    assert len((tmp_path / "sweep" / "0" / "metrics.csv").read_text().splitlines()) == 2
