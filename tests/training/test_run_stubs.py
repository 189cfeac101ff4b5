"""A run that failed before its first epoch blocks nothing; resume=last finds the newest run."""

import os

import pytest
from omegaconf import OmegaConf

from hpa.app.train import _discarded_without_epoch
from hpa.core.errors import InputError
from hpa.core.file_lock import held
from hpa.training.run_folder import RunFolder, newest_run


def config_of(folder) -> dict:
    slots = ("task", "data", "model", "loss", "supervision", "optimizer", "trainer", "stages", "folds")
    return dict.fromkeys(slots, "x") | {"seed": 0, "run_dir": str(folder)}


def test_a_stub_without_an_epoch_gives_way_to_a_new_run(tmp_path):
    folder = tmp_path / "run"
    first = RunFolder.create(config_of(folder), "a", None)
    (folder / "images.parquet").write_bytes(b"x")
    (folder / "wandb").mkdir()
    again = RunFolder.create(config_of(folder) | {"seed": 1}, "b", None)
    assert OmegaConf.load(folder / "config.yaml").seed == 1
    assert not (folder / "images.parquet").exists()
    assert first.path == again.path


@pytest.mark.parametrize("file", ["metrics.csv", "checkpoints/last.ckpt", "stages/0/checkpoints/best.ckpt"])
def test_a_run_with_an_epoch_is_kept(tmp_path, file):
    folder = tmp_path / "run"
    RunFolder.create(config_of(folder), "a", None)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).touch()
    with pytest.raises(InputError, match=r"holds a run already; go on with resume="):
        RunFolder.create(config_of(folder), "b", None)
    assert (folder / file).is_file()


@pytest.mark.parametrize("files", [["metrics.csv"], ["metrics.csv", "checkpoints/last.ckpt"]])
def test_a_run_that_breaks_before_its_first_checkpoint_leaves_nothing(tmp_path, files):
    run = RunFolder.create(config_of(tmp_path / "run"), "a", None)

    def broken() -> None:
        with _discarded_without_epoch(run):
            for file in files:
                (run.path / file).parent.mkdir(exist_ok=True)
                (run.path / file).touch()
            raise InputError("broke")

    with pytest.raises(InputError, match="broke"):
        broken()
    kept = ["config.yaml", "metrics.csv", "run.json"] if files[1:] else []
    assert sorted(file.name for file in run.path.glob("*.*")) == kept


def test_what_others_put_into_a_stub_is_kept(tmp_path):
    folder = tmp_path / "run"
    RunFolder.create(config_of(folder), "a", None)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt"):
        RunFolder.create(config_of(folder), "b", None)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_run_that_another_process_trains_is_no_stub(tmp_path):
    folder = tmp_path / "run"
    RunFolder.create(config_of(folder), "a", None)
    with held(folder / "lock", "trains this run", "wait"), pytest.raises(InputError, match="trains this run"):
        RunFolder.create(config_of(folder), "b", None)
    assert (folder / "config.yaml").is_file()


def test_the_newest_run_is_found_among_those_of_sweeps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"resume=last: no run is below"):
        newest_run()
    for number, name in enumerate(["a", "b_sweep/0", "c"]):
        file = tmp_path / "runs" / name / "run.json"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
        os.utime(file, ns=(10**18 + number, 10**18 + number) if name != "b_sweep/0" else (2 * 10**18, 2 * 10**18))
    assert str(newest_run()) == "runs/b_sweep/0"
