from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from hpa.cli import main
from hpa.config import build

ROOT = Path(__file__).resolve().parents[2]
CHANNELS, CLASS_NAMES = ["red", "green"], ["Nucleoplasm", "Golgi apparatus", "Negative"]


@pytest.fixture
def run(tmp_path):
    """A checkpoint as training writes it, of a network that was not trained."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", overrides=["model=tiny", "data=kaggle_hpa", "data.root=somewhere"])
    plain = {key: OmegaConf.to_container(config[key], resolve=True) for key in ("model", "crop")}
    plain["crop"]["side_px"] = 32
    model = build(plain["model"], channel_count=len(CHANNELS), class_count=len(CLASS_NAMES))
    path = tmp_path / "run" / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    facts = {"config": plain, "channels": CHANNELS, "class_names": CLASS_NAMES}
    state = {f"model.{key}": value for key, value in model.state_dict().items()}
    torch.save({"state_dict": state, "hpa": facts, "epoch": 4}, path)
    return path.parents[1]


@pytest.mark.slow
def test_the_file_of_a_run_gives_its_logits_and_names_its_classes(run, tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx: pip install 'hpa-cells[onnx]'")
    out = tmp_path / "model.onnx"
    assert main(["export", str(run), "--onnx", str(out)]) == 0
    assert "logits (cell, 3)" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["epochs"] == "5"
    logits, features = session.run(["logits", "features"], {"crops": np.zeros((3, 2, 32, 32), np.float32)})
    assert logits.shape == (3, 3)
    assert len(features) == 3


def test_another_suffix_and_a_missing_run_are_reported(run, tmp_path, capsys):
    assert main(["export", str(run), "--onnx", str(tmp_path / "model.pt")]) == 1
    assert "model.onnx'" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "none"), "--onnx", str(tmp_path / "model.onnx")]) == 1
    assert "no such run" in capsys.readouterr().err
    assert not list(tmp_path.glob("model.*"))
