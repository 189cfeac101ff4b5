"""Runs that change whole batches and draw rare classes more often: crops, and whole images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hpa.app.train import train
from hpa.config import plain

pytestmark = pytest.mark.slow

CROPS = ("augment=none", "batch_augment=standard", "+batch_augment@batch_augment.steps.bags=exchange",
         "supervision=multiple_instance", "sampling=class_balanced")  # fmt: skip
FIELDS = ("model/view=whole_image", "field.side_px=256", "batch_augment=paste", "sampling=class_balanced")
CELLS = ("supervision=puzzle", "batch_augment=cutmix", "sampling=image_balanced")
PEERS = ("supervision=co_teaching", "batch_augment=synthetic_negative")


@pytest.mark.parametrize("words", [CROPS, FIELDS, CELLS, PEERS], ids=["crops", "fields", "cells", "peers"])
def test_they_train_to_finite_losses(composed, world: Path, tmp_path: Path, words):
    shared = ("size=tiny", "model=tiny", "data=kaggle_hpa", f"data.root={world}", f"run_dir={tmp_path / 'run'}")
    assert train(plain(composed("train", *shared, *words)), {"model": "tiny", "loss": "focal"}, None) == 0
    table = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert table[["train_loss", "val_loss"]].notna().all().all()
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").is_file()
