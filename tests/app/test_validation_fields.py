"""The competition's score while training is that of the submission the held-out fields would make."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hpa.app.train import train
from hpa.config import plain
from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_prediction
from hpa.core.submission_table import TRUTH_COLUMN, read_table
from hpa.formats.label_maps import read_label_map
from hpa.metrics.detection import score_evidence
from hpa.metrics.detection_evidence import evidence_of, true_entries_of

pytestmark = pytest.mark.slow
WORDS = ("size=tiny", "model=tiny", "trainer.limit_batches=1.0", "report=false", "segmenter=stored")


def score_of(world, held_out: pd.DataFrame, image_ids: list[str]) -> float:
    """The public scorer on a submission written from held-out predictions."""
    images = []
    truth = {row.image_id: row for row in read_table(world / "truth_train.csv", TRUTH_COLUMN)}
    for image_id in image_ids:
        cells = held_out[held_out["image_id"] == image_id].sort_values("cell")
        masks = encode_label_map(read_label_map(world / "label_maps" / "train" / f"{image_id}.png"))
        confidences = cells.filter(regex=r"^p_\d+$").to_numpy(np.float64)
        text = format_prediction([masks[number] for number in sorted(masks)], confidences)
        images.append(evidence_of(true_entries_of(truth[image_id]), text, 0.6, verified="all"))
    return score_evidence(images).mean


def test_the_table_of_epochs_holds_what_a_submission_would_score(composed, world, tmp_path):
    run = tmp_path / "run"
    data = ("data=kaggle_hpa", f"data.root={world}", f"data.cell_truth={world / 'truth_train.csv'}")
    config = plain(
        composed("train", *data, *WORDS, f"segmenter.folder={world / 'label_maps' / 'train'}", f"run_dir={run}")
    )
    assert train(config, {"model": "tiny", "loss": "focal"}, None) == 0
    [epoch] = pd.read_csv(run / "metrics.csv").to_dict("records")
    assert 0 <= epoch["val_image_f1"] <= 1
    images = pd.read_parquet(run / "images.parquet")
    held_out = list(images.loc[~images["trained"], "image_id"])
    expected = score_of(world, pd.read_parquet(run / "out_of_fold.parquet"), held_out)
    assert epoch["val_competition_map"] == pytest.approx(expected, abs=1e-3)


def test_without_true_masks_there_is_none(composed, world, tmp_path):
    run = tmp_path / "run"
    config = plain(composed("train", "data=kaggle_hpa", f"data.root={world}", *WORDS[:-1], f"run_dir={run}"))
    assert train(config, {"model": "tiny", "loss": "focal"}, None) == 0
    table = pd.read_csv(run / "metrics.csv")
    assert "val_competition_map" not in table
    assert table["val_image_map"].notna().all()
