"""What chains do with exit codes, folders and other configs; whole chains are trained in test_rounds.py."""

import pytest

from hpa.app.chain import open_or_create
from hpa.app.cross_validation import CrossValidation
from hpa.app.parts import plain
from hpa.app.run_folder import RunFolder
from hpa.core.errors import InputError


@pytest.fixture
def config(composed, tmp_path):
    return plain(composed("train", "stages=cross_validation", "folds.count=4", f"run_dir={tmp_path / 'run'}"))


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
    with pytest.raises(InputError, match=r"optimizer\.learning_rate differ"):
        open_or_create(config, "any", None)
