"""What chains do with exit codes, folders and what trainings leave; whole chains are trained in test_rounds.py."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.config import Config, plain
from hpa.core.errors import InputError
from hpa.models.saved_run import members_of
from hpa.stages.chain import open_or_create
from hpa.stages.cross_validation import CrossValidation
from hpa.training.run_folder import RunFolder


@pytest.fixture
def config(composed, tmp_path):
    return plain(
        composed("train", "stages=cross_validation", "folds.count=4", "report=true", f"run_dir={tmp_path / 'run'}")
    )


def test_every_fold_is_held_out_once_until_one_fails(config, tmp_path):
    held_out = []

    def train(stage, folder):
        held_out.append((stage["folds"]["held_out"], folder.name, stage["stages"]["_target_"].rpartition(".")[2]))
        return 130 if len(held_out) == 3 else 0

    assert CrossValidation().run(config, tmp_path / "run", train) == 130
    assert held_out == [(0, "0", "SingleStage"), (1, "1", "SingleStage"), (2, "2", "SingleStage")]
    assert not RunFolder.open(tmp_path / "run").facts()["finished"]
    assert config["folds"]["held_out"] == 0


def test_the_same_command_goes_on_and_another_is_refused(config):
    first = open_or_create(config, "any", None)
    assert open_or_create(config, "any", None) == first
    config["optimizer"]["learning_rate"] = 0.5
    assert open_or_create(config, "any", None).config()["optimizer"]["learning_rate"] == 0.5  # no epoch was finished
    (first.path / "metrics.csv").touch()
    config["optimizer"]["learning_rate"] = 0.25
    with pytest.raises(InputError, match=r"optimizer\.learning_rate differ"):
        open_or_create(config, "any", None)


def leave(stage: Config, folder: Path) -> RunFolder:
    """Leave what every training leaves, after the manner of `hpa.app.train`."""
    fold = stage["folds"]["held_out"]
    run = RunFolder(folder)
    run.checkpoints.mkdir(parents=True)
    (run.checkpoints / "best.ckpt").write_bytes(bytes([fold]))
    pd.DataFrame({"epoch": [0], "seconds": [1.0]}).to_csv(folder / "metrics.csv", index=False)
    run.write_facts({"finished": True, "epochs": 1, "max_epochs": 1, "class_names": ["a", "b"]})
    return run


def test_held_out_cells_are_joined_and_scored_together(config, tmp_path):
    def train(stage, folder):
        fold = stage["folds"]["held_out"]
        targets = np.eye(2, dtype=np.float32)[[fold % 2, fold % 2, 1, 1]]
        predicted = np.where(targets > 0, 0.9, 0.2) if fold < 3 else np.where(targets > 0, 0.1, 0.3)
        table = pd.DataFrame({"image_id": [f"{fold}x", f"{fold}x", f"{fold}y", f"{fold}y"], "cell": [1, 2, 1, 2]})
        for name, values in {"p": predicted, "image_target": targets, "cell_target": targets}.items():
            table[[f"{name}_0", f"{name}_1"]] = values.astype(np.float32)
        leave(stage, folder)
        table.assign(fold=fold).to_parquet(folder / "out_of_fold.parquet", index=False)
        return 0

    assert CrossValidation().run(config, tmp_path / "run", train) == 0
    scores = pd.read_csv(tmp_path / "run" / "stages.csv").set_index("stage")
    assert list(scores["images"]) == [2, 2, 2, 2, 8]
    assert list(scores["cell_map"][:3]) == [1, 1, 1]
    assert scores["cell_map"].iloc[-1] == pytest.approx((1 + 2 / 3 + 12 / 16 / 3) / 2)  # the last fold misses class 1
    joined = pd.read_parquet(tmp_path / "run" / "out_of_fold.parquet")
    assert joined.groupby("fold").size().tolist() == [4, 4, 4, 4]
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").read_bytes() == b"\x03"
    assert RunFolder.open(tmp_path / "run").facts()["members"] == [f"stages/{fold}" for fold in range(4)]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "on all held-out images; the 4 stages " in page
    assert page.count("stages/3") == 1  # its row; it has no page of its own
    assert main(["report", str(tmp_path / "run")]) == 0  # over the page that the training wrote
    (tmp_path / "run" / "report.html").write_text("of a user")
    assert main(["report", str(tmp_path / "run")]) == 1
    assert (tmp_path / "run" / "report.html").read_text() == "of a user"


def test_held_out_images_of_networks_of_pixels_are_joined_too(config, tmp_path):
    def train(stage, folder):
        leave(stage, folder)
        fold = stage["folds"]["held_out"]
        pd.DataFrame({"image_id": [f"image{fold}"], "ap50": [fold / 4]}).to_csv(folder / "held_out.csv", index=False)
        return 0

    assert CrossValidation().run(config, tmp_path / "run", train) == 0
    assert list(pd.read_csv(tmp_path / "run" / "held_out.csv")["ap50"]) == [0, 0.25, 0.5, 0.75]


def test_a_cross_validation_predicts_by_all_its_folds(tmp_path):
    folder = tmp_path / "chain"
    folder.mkdir()
    assert members_of(folder) == [folder]
    (folder / "run.json").write_text(json.dumps({"members": ["stages/0"]}))
    assert members_of(folder) == [folder]  # of rounds the last student predicts
    (folder / "run.json").write_text(json.dumps({"ensemble": ["stages/0", "stages/1"]}))
    assert members_of(folder) == [folder / "stages" / "0", folder / "stages" / "1"]


@pytest.mark.parametrize("text", ["{", "[]", '{"ensemble": ["../../elsewhere"]}', '{"ensemble": "stages/0"}'])
def test_a_list_of_folds_that_names_something_else_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"name the runs, ckpt="):
        members_of(tmp_path)
