"""Runs that see whole fields: trained, resumed, saved, joined with runs that see crops."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hpa.app.infer import infer
from hpa.app.train import resume, train
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.inference.saved_network import network_of
from hpa.interfaces import SeesFields
from hpa.models.saved_run import read_saved_run
from hpa.overrides import as_choice, compose_config
from tests.warm import Started

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TINY = ("size=tiny", "model=tiny", "trainer.limit_batches=1.0")
FIELD = ("model/view=whole_image",)


def train_on(composed, world: Path, run: Path, *overrides: str) -> Path:
    config = composed("train", "data=kaggle_hpa", f"data.root={world}", *TINY, f"run_dir={run}", *overrides)
    assert train(plain(config), {"model": "tiny", "loss": "focal"}, None) == 0
    return run


@pytest.fixture(scope="module")
def field_run(composed, world, tmp_path_factory) -> Path:
    return train_on(composed, world, tmp_path_factory.mktemp("runs") / "field", *FIELD, "report=true")


@pytest.fixture(scope="module")
def crop_run(composed, world, tmp_path_factory) -> Path:
    return train_on(composed, world, tmp_path_factory.mktemp("runs") / "crop")


def test_a_run_of_fields_is_a_run_like_any_other(field_run):
    names = {str(path.relative_to(field_run)) for path in field_run.rglob("*") if path.is_file()}
    assert {"out_of_fold.parquet", "report.html", "checkpoints/best.ckpt"} <= names
    assert isinstance(network_of(read_saved_run(field_run)), SeesFields)
    held_out = pd.read_parquet(field_run / "out_of_fold.parquet").filter(like="p_").to_numpy()
    assert held_out.shape[1] == 19
    assert np.isfinite(held_out).all()


def test_crops_and_fields_together_write_every_row(composed, world, crop_run, field_run, tmp_path):
    out = tmp_path / "submission.csv"
    words = (f"ckpt=[{crop_run},{field_run}]", f"out={out}", "device=cpu", "tta=flips", "fusion=product")
    assert infer(plain(composed("infer", *words))) == 0
    table, sample = pd.read_csv(out), pd.read_csv(world / "sample_submission.csv", dtype=str)
    assert list(table["ID"]) == list(sample["ID"])
    assert table["PredictionString"].str.split().str.len().gt(3 * 19).all()


def test_a_finished_run_is_trained_on(field_run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(field_run, copy)
    assert resume(str(copy), ["trainer.max_epochs=2", "report=false"], ROOT / "conf") == 0
    assert list(pd.read_csv(copy / "metrics.csv")["epoch"]) == [1, 2]


@pytest.mark.slow
def test_a_killed_run_ends_with_the_weights_of_the_undisturbed_one(warm, world, cache, tmp_path):
    environment = os.environ | {"HPA_CACHE": str(cache)}
    words = ["data=kaggle_hpa", f"data.root={world}", *TINY, *FIELD, "report=false"]
    words += ["trainer.max_epochs=5", "trainer.accelerator=cpu"]

    def start(*more: str) -> Started:
        return warm.start(["train.py", *more], env=environment)

    assert start(*words, f"run_dir={tmp_path / 'whole'}").wait() == 0
    killed = start(*words, f"run_dir={tmp_path / 'cut'}")
    while not (tmp_path / "cut" / "checkpoints" / "last.ckpt").exists() and killed.poll() is None:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert start(f"resume={tmp_path / 'cut'}").wait() == 0
    whole, cut = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", "cut")
    )
    assert whole["epoch"] == cut["epoch"] == 4
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, cut["state_dict"][name]), name


def test_a_side_that_the_stride_does_not_divide_is_reported(composed, world, tmp_path):
    with pytest.raises(InputError, match=r"field\.side_px=70 is no multiple of model\.stride=16"):
        train_on(composed, world, tmp_path / "run", *FIELD, "field.side_px=70")


@pytest.mark.parametrize(
    ("word", "choice"),
    [
        ("model.view=whole_image", "model/view=whole_image"),
        ("model.view=crop,whole_image", "model/view=crop,whole_image"),
        ("supervision.pooling=attention", "supervision/pooling=attention"),
        ("model.view=sideways", "model.view=sideways"),
        ("model.stride=8", "model.stride=8"),
        ("model=tiny", "model=tiny"),
        ("--cfg", "--cfg"),
    ],
)
def test_dots_before_a_choice_become_strokes(word, choice):
    assert as_choice(word, ROOT / "conf") == choice


def test_the_view_is_chosen_by_one_word():
    config = compose_config(ROOT, "train", ["model.view=whole_image"])
    assert config.model["_target_"].endswith("WholeImageModel")
    assert "side_px" not in config.model
