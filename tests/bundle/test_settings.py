import pytest

from hpa.bundle.settings import bundled_settings
from hpa.core.errors import InputError

TRAINED = {
    "segmenter": {"_target_": "a.Segmenter", "reach_um": 40.0},
    "data": {"_target_": "a.Data", "root": "/here", "cell_truth": "/here/truth.csv", "pixel_um": 0.1},
}
COMPOSED = {"ckpt": None, "tta": {"_target_": "a.Views"}, "out": "elsewhere.csv", "batch_cells": 64}


def test_what_is_not_told_comes_from_the_run(tmp_path):
    settings = bundled_settings(COMPOSED, TRAINED, ["1_a", "2_b"], tmp_path)
    assert settings == {
        "ckpt": ["${oc.env:HPA_ROOT}/../weights/1_a", "${oc.env:HPA_ROOT}/../weights/2_b"],
        "tta": {"_target_": "a.Views"},
        "out": "submission.csv",
        "batch_cells": 64,
        "segmenter": TRAINED["segmenter"],
        "data": {"_target_": "a.Data", "root": "???", "cell_truth": None, "pixel_um": 0.1},
    }


def test_what_is_told_wins(tmp_path):
    told = {"segmenter": {"_target_": "b.Other"}, "data": {"root": "?", "kind": "b"}}
    settings = bundled_settings(COMPOSED | told, TRAINED, ["1_a"], tmp_path)
    assert settings["segmenter"] == {"_target_": "b.Other"}
    assert settings["data"] == {"root": "???", "kind": "b"}


def test_a_missing_value_is_named(tmp_path):
    with pytest.raises(InputError, match=r"tta\.scale: a value is needed; write tta\.scale="):
        bundled_settings(COMPOSED | {"tta": {"scale": "???"}}, TRAINED, ["1_a"], tmp_path)


def test_data_that_need_no_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="data=kaggle_hpa"):
        bundled_settings(COMPOSED | {"data": {"_target_": "a.Drawn", "seed": 0}}, TRAINED, ["1_a"], tmp_path)
