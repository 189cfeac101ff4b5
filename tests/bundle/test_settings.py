from __future__ import annotations

import pytest

from hpa.bundle.settings import CarriedFiles, bundled_settings
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from tests.bundle.small_run import write_small_run


def test_files_are_copied_and_named_beside_the_project(tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    (tmp_path / "blue").write_text("a file that is called like a channel")
    monkeypatch.chdir(tmp_path)
    settings = {
        "weights": "w.safetensors",
        "deep": [{"file": str(tmp_path / "w.safetensors")}],
        "channel": "blue",
        "n": 1,
    }
    carried = CarriedFiles(tmp_path / "bundle", "weights/parts").carry(settings, "segmenter")
    beside = "${oc.env:HPA_ROOT}/../weights/parts"
    assert carried == {
        "weights": f"{beside}/segmenter_weights.safetensors",
        "deep": [{"file": f"{beside}/segmenter_weights.safetensors"}],  # the same file: copied once
        "channel": "blue",
        "n": 1,
    }
    assert (tmp_path / "bundle/weights/parts/segmenter_weights.safetensors").read_bytes() == b"weights"


def test_a_run_goes_along_as_its_best_checkpoint(tmp_path):
    run = write_small_run(tmp_path / "run")
    carried = CarriedFiles(tmp_path / "bundle", "weights/parts").carry({"weights": str(run)}, "segmenter")
    assert carried == {"weights": "${oc.env:HPA_ROOT}/../weights/parts/segmenter_weights.ckpt"}
    assert read_saved_run(tmp_path / "bundle/weights/parts/segmenter_weights.ckpt").epoch == 1


@pytest.mark.parametrize("folder", ["maps", "./maps"])
def test_a_folder_of_label_maps_cannot_be_bundled(tmp_path, folder, monkeypatch):
    (tmp_path / "maps").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"segmenter\.folder=.* cannot be bundled"):
        CarriedFiles(tmp_path / "bundle", "weights/parts").carry({"folder": folder}, "segmenter")


TRAINED = {
    "segmenter": {"_target_": "a.Segmenter", "reach_um": 40.0},
    "data": {"_target_": "a.Data", "root": "/here", "cell_truth": "/here/truth.csv", "pixel_um": 0.1},
}
COMPOSED = {"ckpt": None, "tta": {"_target_": "a.Views"}, "out": "elsewhere.csv", "batch_cells": 64}


def test_what_is_not_given_comes_from_the_run(tmp_path):
    settings = bundled_settings(COMPOSED, TRAINED, ["1_a", "2_b"], tmp_path)
    assert settings == {
        "ckpt": ["${oc.env:HPA_ROOT}/../weights/1_a", "${oc.env:HPA_ROOT}/../weights/2_b"],
        "tta": {"_target_": "a.Views"},
        "out": "submission.csv",
        "batch_cells": 64,
        "segmenter": TRAINED["segmenter"],
        "data": {"_target_": "a.Data", "root": "???", "cell_truth": None, "pixel_um": 0.1},
    }


def test_what_is_given_wins(tmp_path):
    overridden = {"segmenter": {"_target_": "b.Other"}, "data": {"root": "?", "kind": "b"}}
    settings = bundled_settings(COMPOSED | overridden, TRAINED, ["1_a"], tmp_path)
    assert settings["segmenter"] == {"_target_": "b.Other"}
    assert settings["data"] == {"root": "???", "kind": "b"}


def test_a_missing_value_is_named(tmp_path):
    with pytest.raises(InputError, match=r"tta\.scale: a value is needed; write tta\.scale="):
        bundled_settings(COMPOSED | {"tta": {"scale": "???"}}, TRAINED, ["1_a"], tmp_path)


def test_data_that_need_no_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="data=kaggle_hpa"):
        bundled_settings(COMPOSED | {"data": {"_target_": "a.Drawn", "seed": 0}}, TRAINED, ["1_a"], tmp_path)
