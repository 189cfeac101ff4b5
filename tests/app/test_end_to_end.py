"""From fields with image labels to a scored submission, through the same functions as the command lines."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hpa.app.infer import infer
from hpa.app.train import resume, train
from hpa.cli import main
from hpa.config import plain
from hpa.core.errors import DataError, InputError
from tests.warm import Started

ROOT = Path(__file__).resolve().parents[2]
TINY = ("size=tiny", "model=tiny", "trainer.limit_batches=1.0")


def train_on(composed, world: Path, run: Path, *overrides: str) -> Path:
    config = composed("train", "data=kaggle_hpa", f"data.root={world}", *TINY, f"run_dir={run}", *overrides)
    assert train(plain(config), {"model": "tiny", "loss": "focal"}, None) == 0
    return run


def infer_with(composed, ckpt, out: Path, *overrides: str) -> int:
    return infer(plain(composed("infer", f"ckpt={ckpt}", f"out={out}", "device=cpu", *overrides)))


@pytest.fixture(scope="session")
def run(composed, world, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    words = (f"data.cell_truth={world / 'truth_train.csv'}", "trainer.max_epochs=2", "report=true")
    return train_on(composed, world, folder, *words)


def test_a_run_folder_holds_everything(run):
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert {
        "config.yaml", "run.json", "metrics.csv", "out_of_fold.parquet", "report.html",
        "checkpoints/best.ckpt", "checkpoints/last.ckpt", "pictures/validation_epoch_001.png",
    } <= names  # fmt: skip
    table = pd.read_csv(run / "metrics.csv")
    assert table[["train_loss", "val_loss", "val_image_map", "val_cell_map"]].notna().all().all()
    held_out = pd.read_parquet(run / "out_of_fold.parquet")
    assert held_out.filter(like="p_").shape[1] == 19
    assert held_out.filter(like="p_").to_numpy().max() <= 1
    assert json.loads((run / "run.json").read_text())["finished"]


def test_a_submission_is_written_linted_and_scored(composed, world, run, tmp_path, capsys):
    out = tmp_path / "submission.csv"
    assert infer_with(composed, run, out) == 0
    assert main(["lint", str(out), "--sample", str(world / "sample_submission.csv")]) == 0
    capsys.readouterr()
    assert main(["score", str(out), str(world / "truth_test.csv"), "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert 0 < score["map"] <= 1
    ids = list(pd.read_csv(world / "sample_submission.csv", dtype=str)["ID"])
    assert list(pd.read_csv(out)["ID"]) == ids


@pytest.mark.slow
def test_the_checkpoint_works_without_its_folder(composed, world, run, tmp_path):
    alone = tmp_path / "alone.ckpt"
    shutil.copy(run / "checkpoints" / "best.ckpt", alone)
    assert infer_with(composed, run, tmp_path / "a.csv") == 0
    assert infer_with(composed, alone, tmp_path / "b.csv", "data=kaggle_hpa", f"data.root={world}") == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.slow
def test_an_ensemble_of_one_run_twice_is_that_run(composed, run, tmp_path):
    assert infer_with(composed, run, tmp_path / "one.csv") == 0
    assert infer_with(composed, f"[{run},{run}]", tmp_path / "two.csv") == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.slow
def test_stored_label_maps_and_one_channel(composed, world, tmp_path):
    stored = ("segmenter=stored", f"segmenter.folder={world / 'label_maps' / 'train'}")
    run = train_on(composed, world, tmp_path / "run", "data.channels=[green]", *stored)
    test_maps = ("segmenter=stored", f"segmenter.folder={world / 'label_maps' / 'test'}")
    assert infer_with(composed, run, tmp_path / "out.csv", *test_maps) == 0
    first = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert first["hpa"]["channels"] == ["green"]


@pytest.mark.slow
def test_direct_supervision_learns_from_cell_truth(composed, world, tmp_path):
    truth = f"data.cell_truth={world / 'truth_train.csv'}"
    run = train_on(composed, world, tmp_path / "run", truth, "supervision=direct")
    assert np.isfinite(pd.read_csv(run / "metrics.csv")["val_loss"]).all()


# the detector reads pixels, not cells: tests/app/test_recipes.py trains it
OF_PIXELS = {"auxiliary", "dense", "detector", "organ_cutmix", "soft_masks"}
STRATEGIES = sorted({file.stem for file in (ROOT / "conf" / "supervision").glob("*.yaml")} - OF_PIXELS)


USUAL = {"consistency", "expectation_maximisation", "mixed", "multiple_instance", "pseudo_label"}
"""One of every kind: cells, bags, a teacher, whole images remembered, parts of parts; the others are thorough."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy", [pytest.param(name, marks=[] if name in USUAL else pytest.mark.thorough) for name in STRATEGIES]
)
def test_every_strategy_trains_saves_and_resumes(composed, world, tmp_path, strategy):
    truth = f"data.cell_truth={world / 'truth_train.csv'}"
    run = train_on(composed, world, tmp_path / "run", truth, f"supervision={strategy}", "trainer.limit_batches=2")
    assert resume(str(run), ["trainer.max_epochs=2"], ROOT / "conf") == 0
    table = pd.read_csv(run / "metrics.csv")
    assert list(table["epoch"]) == [1, 2]
    assert table[["train_loss", "val_loss"]].notna().all().all()


@pytest.mark.slow
def test_a_finished_run_says_so_and_can_be_trained_on(run, tmp_path, capsys, caplog):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    assert resume(str(copy), [], ROOT / "conf") == 0
    assert "finished after 2 epochs" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"optimizer\.learning_rate would do nothing; trainer\.max_epochs=3 or more"):
        resume(str(copy), ["optimizer.learning_rate=0.5"], ROOT / "conf")
    (copy / "checkpoints" / "last.ckpt").unlink()
    assert resume(str(copy), ["trainer.max_epochs=3"], ROOT / "conf") == 0
    assert "last.ckpt is lost; going on from best.ckpt" in caplog.text
    assert list(pd.read_csv(copy / "metrics.csv")["epoch"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "state"),
    [("optimizer_states", ["x"]), ("lr_schedulers", [3]), ("loops", {}), ("callbacks", "x")],
)
def test_a_state_that_no_training_has_is_refused_before_an_epoch(run, tmp_path, name, state):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    last = copy / "checkpoints" / "last.ckpt"
    content = torch.load(last, weights_only=True)
    if name == "callbacks":
        state = dict.fromkeys(content[name], state)
    torch.save(content | {name: state}, last)
    with pytest.raises(
        InputError, match=r"(?s)last\.ckpt: .*(restored|another kind).*; delete it where best\.ckpt is sound"
    ):
        resume(str(copy), ["trainer.max_epochs=4"], ROOT / "conf")


def test_a_run_killed_after_its_last_epoch_is_finished(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    facts = json.loads((copy / "run.json").read_text())
    at_the_end = ("finished", "epochs", "monitor", "scores", "validation_batches")
    kept = {key: value for key, value in facts.items() if key not in at_the_end}
    (copy / "run.json").write_text(json.dumps(kept))
    assert resume(str(copy), [], ROOT / "conf") == 0
    finished = json.loads((copy / "run.json").read_text())
    assert {key: finished[key] for key in at_the_end} == {key: facts[key] for key in at_the_end}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model=resnet50", "only values can change"),
        ("trainer.max_epoch=3", "did you mean trainer.max_epochs"),
        ("crop.side_px=48", r"resume=: crop\.side_px: it is decided before the first epoch"),
    ],
)
def test_resume_refuses_parts_and_misspelt_keys(run, override, words):
    with pytest.raises(InputError, match=words):
        resume(str(run), [override], ROOT / "conf")


def test_a_second_run_in_one_folder_is_refused(composed, world, run):
    with pytest.raises(InputError, match="holds a run already"):
        train_on(composed, world, run)


def test_a_bad_test_image_gets_a_blank_row_and_exit_code_3(composed, world, run, tmp_path):
    broken = tmp_path / "data"
    shutil.copytree(world, broken)
    ids = list(pd.read_csv(broken / "sample_submission.csv", dtype=str)["ID"])
    (broken / "test" / f"{ids[1]}_green.png").write_bytes(b"\x89PNG torn")
    (broken / "test" / f"{ids[2]}_red.png").unlink()
    out = tmp_path / "out.csv"
    assert infer_with(composed, run, out, "data=kaggle_hpa", f"data.root={broken}") == 3
    table = pd.read_csv(out, keep_default_na=False)
    assert list(table["ID"]) == ids
    assert [bool(text) for text in table["PredictionString"]] == [True, False, False, True]
    assert set(table["ImageWidth"]) == {256}


def test_all_problems_of_a_data_set_are_listed_before_training(composed, world, tmp_path):
    broken = tmp_path / "data"
    shutil.copytree(world, broken)
    table = pd.read_csv(broken / "train.csv", dtype=str)
    table.loc[0, "Label"] = "3|19"
    table.loc[1, "ID"] = table.loc[2, "ID"]
    (broken / "train" / f"{table.loc[4, 'ID']}_blue.png").unlink()
    rgb = Image.new("RGB", (256, 256), (1, 2, 3))
    rgb.save(broken / "train" / f"{table.loc[5, 'ID']}_red.png")
    table.to_csv(broken / "train.csv", index=False)
    with pytest.raises(DataError) as error:
        train_on(composed, broken, tmp_path / "run")
    told = str(error.value)
    for word in ("19", table.loc[2, "ID"], table.loc[4, "ID"], table.loc[5, "ID"]):
        assert word in told
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(warm, world, cache, tmp_path):
    words = [
        "train.py",
        "data=kaggle_hpa",
        f"data.root={world}",
        *TINY,
        "trainer.max_epochs=5",
        "trainer.accelerator=cpu",
    ]
    environment = os.environ | {"HPA_CACHE": str(cache)}

    def start(*more: str) -> Started:
        return warm.start(more, env=environment)

    assert start(*words, f"run_dir={tmp_path / 'whole'}").wait() == 0
    killed = start(*words, f"run_dir={tmp_path / 'cut'}")
    while not (tmp_path / "cut" / "checkpoints" / "last.ckpt").exists() and killed.poll() is None:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert start("train.py", f"resume={tmp_path / 'cut'}").wait() == 0
    whole, cut = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", "cut")
    )
    assert whole["epoch"] == cut["epoch"] == 4
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, cut["state_dict"][name]), name


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_resumes(warm, world, cache, tmp_path):
    run = tmp_path / "run"
    environment = os.environ | {"HPA_CACHE": str(cache)}
    words = ["train.py", "data=kaggle_hpa", f"data.root={world}", *TINY, "trainer.max_epochs=500", f"run_dir={run}"]
    process = warm.start(words, env=environment, merged=True)
    while not (run / "checkpoints" / "last.ckpt").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate()
    assert process.returncode == 130
    assert "resume=" in told
    finished = len(pd.read_csv(run / "metrics.csv"))
    more = [f"resume={run}", f"trainer.max_epochs={finished + 1}"]
    assert warm.run(["train.py", *more], env=environment).returncode == 0
    assert len(pd.read_csv(run / "metrics.csv")) == finished + 1


@pytest.mark.slow
def test_a_sweep_gives_each_job_its_folder(warm, cache, tmp_path):
    environment = os.environ | {"HPA_CACHE": str(cache)}
    words = ["train.py", "-m", "model=tiny", "loss=focal,asymmetric", "size=tiny"]
    done = warm.run(words, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("runs/*_sweep/*/checkpoints/best.ckpt"))) == 2
    nothing = warm.run(["train.py", "-m", "experiments=glob(nothing/*)"], env=environment, cwd=tmp_path)
    assert nothing.returncode == 2
    assert "no job" in nothing.stderr
