"""What infer.py writes beside the submission: complete, of one mind, and the same after a kill."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.config import plain
from hpa.core.encoding import decode_mask
from hpa.core.submission import parse_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, read_table
from hpa.formats.label_maps import read_label_map
from tests.warm import Started

pytestmark = pytest.mark.slow

CUT = ("block_images=1", "fields_at_once=1", "rules=edge")
ALSO = "also=[cells,label_maps,coco]"


@pytest.fixture(scope="module")
def run(composed, world, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    words = ("data=kaggle_hpa", f"data.root={world}", "size=tiny", "model=tiny", f"run_dir={folder}")
    config = composed("train", *words, "trainer.max_epochs=1", "trainer.limit_batches=2")
    assert train(plain(config), {"model": "tiny", "loss": "focal"}, None) == 0
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_file_agrees_about_a_cell(composed, run, tmp_path):
    out = tmp_path / "out.csv"
    assert infer(plain(composed("infer", f"ckpt={run}", f"out={out}", "device=cpu", *CUT, ALSO))) == 0
    table = pd.read_parquet(tmp_path / "out.cells.parquet")
    annotations = json.loads((tmp_path / "out.coco.json").read_text())["annotations"]
    rows = list(read_table(out, PREDICTION_COLUMN))
    assert len(table) == len(annotations) > 0
    np.testing.assert_array_equal([entry["area"] for entry in annotations], table["area_px"])
    confidences = table.filter(like="confidence_").to_numpy()
    np.testing.assert_allclose([entry["scores"] for entry in annotations], confidences, rtol=1e-6)
    assert (confidences < table.loc[:, "Nucleoplasm":"Negative"].to_numpy()).any()  # the rule came between
    for row in rows:
        label_map = read_label_map(tmp_path / "out.label_maps" / "cells" / f"{row.image_id}.tif")
        found = parse_prediction(row.text)
        own = table[table["image"] == row.image_id]
        np.testing.assert_allclose(found.confidences.reshape(len(own), -1), confidences[own.index], rtol=1e-6)
        for cell, mask in zip(own["cell"], found.masks[::19], strict=True):
            np.testing.assert_array_equal(decode_mask(mask, row.height, row.width), label_map == cell)


@pytest.mark.slow
def test_a_run_that_is_killed_writes_the_bytes_of_an_undisturbed_one(warm, run, world, tmp_path):
    pytest.importorskip("anndata", reason="needs the extra anndata: pip install 'hpa-cells[anndata]'")
    also = "also=[cells,label_maps,coco,anndata]"
    words = ["infer.py", f"ckpt={run}", "data=kaggle_hpa", f"data.root={world}", "split=train", *CUT, also]

    def start(folder: Path) -> Started:
        return warm.start([*words, f"out={folder / 'out.csv'}"])

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait() == 0
    process = start(killed)
    while len(list(killed.glob("out.csv.parts/block_*.json"))) < 3 and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "out.csv").exists()
    assert start(killed).wait() == 0
    expected = files_of(whole)
    assert {"out.csv", "out.cells.parquet", "out.coco.json", "out.h5ad"} < set(expected)
    assert files_of(killed) == expected
