"""infer.py on real cells: the mosaics of the sample folder, laid out as the competition lays its fields out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.core.channels import CHANNELS
from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_truth
from hpa.core.submission_table import TRUTH_COLUMN, TableRow, write_table


@pytest.fixture
def real_fields(samples, tmp_path) -> Path:
    """The three mosaics as a test split, and the truth of their cells (classes 13 and 16)."""
    folder, root = samples / "hpa_rgby" / "mosaic_derived", tmp_path / "real"
    (root / "test").mkdir(parents=True)
    rows, truth = [], []
    for index in range(3):
        name = f"mosaic{index}"
        for channel in CHANNELS:
            shutil.copy(folder / f"{name}_{channel}.png", root / "test" / f"{name}_{channel}.png")
        label_map = np.asarray(Image.open(folder / f"{name}_instances.png")).astype(np.int32)
        height, width = label_map.shape
        rows.append({"ID": name, "ImageWidth": width, "ImageHeight": height, "PredictionString": ""})
        masks = encode_label_map(label_map).values()
        text = format_truth([13, 16] * len(masks), [mask for mask in masks for _ in range(2)])
        truth.append(TableRow(name, width, height, text))
    pd.DataFrame(rows).to_csv(root / "sample_submission.csv", index=False)
    write_table(root / "truth.csv", TRUTH_COLUMN, truth)
    return root


@pytest.mark.slow
def test_cells_of_real_fields_are_found_and_scored(composed, world, real_fields, tmp_path, capsys):
    run = tmp_path / "run"
    words = ("data=kaggle_hpa", f"data.root={world}", "size=tiny", "model=tiny", f"run_dir={run}")
    assert train(plain(composed("train", *words)), {"model": "tiny", "loss": "focal"}, None) == 0
    out = tmp_path / "submission.csv"
    words = (f"ckpt={run}", "data=kaggle_hpa", f"data.root={real_fields}", f"out={out}", "device=cpu")
    assert infer(plain(composed("infer", *words))) == 0
    assert main(["lint", str(out), "--sample", str(real_fields / "sample_submission.csv")]) == 0
    capsys.readouterr()
    assert main(["score", str(out), str(real_fields / "truth.csv"), "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert score["bound"] > 0.8  # the share of the 48 cells that the watershed finds at IoU 0.6
