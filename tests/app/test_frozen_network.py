"""A head on a published network: trained, saved with it, and used where its file is gone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import timm
import torch

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.config import plain

pytestmark = pytest.mark.slow


def test_a_head_is_trained_and_used_without_the_published_file(composed, world, tmp_path):
    run, weights, out = tmp_path / "run", tmp_path / "published.pth", tmp_path / "submission.csv"
    torch.save(timm.create_model("test_vit").state_dict(), weights)
    words = ["size=tiny", "model=frozen", "model.extractor.backbone=test_vit", "model.extractor.side_px=64"]
    words += [f"model.weights={weights}", "augment=none", "report=false", "trainer.max_epochs=2"]
    config = composed("train", "data=kaggle_hpa", f"data.root={world}", *words, f"run_dir={run}")
    assert train(plain(config), {"model": "frozen", "loss": "focal"}, None) == 0
    Path(weights).unlink()
    assert infer(plain(composed("infer", f"ckpt={run}", f"out={out}", "device=cpu"))) == 0
    assert len(pd.read_csv(out)) == len(pd.read_csv(world / "sample_submission.csv"))
