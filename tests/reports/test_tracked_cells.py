"""Panels of held-out cells, and what W&B keeps of them without a server."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from sklearn.metrics import precision_recall_curve

from hpa.reports import tracked_cells
from hpa.reports.tracked_cells import cell_panels, precision_recall, rows_to_show
from hpa.training.wandb_tracking import log_panels
from tests.training.test_tracking import records


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Give a logger of an offline run, and end it."""
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "staged"))
    logger = WandbLogger(project="p", save_dir=tmp_path, offline=True)
    yield logger
    logger.experiment.finish()


def tables(folder) -> dict[str, dict]:
    return {file.name.split("_0_")[0]: json.loads(file.read_text()) for file in folder.rglob("*.table.json")}


def test_an_offline_run_keeps_a_table_of_cells_the_curves_and_the_confusion(facts_with, offline, tmp_path):
    facts = facts_with()
    log_panels([CSVLogger(tmp_path / "csv"), offline], lambda: cell_panels(facts))
    offline.experiment.finish()
    found = tables(tmp_path)
    assert set(found) >= {"cells", "precision_recall_table", "confusion_table"}
    cells = found["cells"]
    assert cells["columns"][:6] == ["image", "cell", "picture", "image labels", "ground truth", "predicted"]
    assert len(cells["data"]) == len(facts.cells)
    row = cells["data"][0]
    place = (facts.cells["image_id"] == row[0]) & (facts.cells["cell"] == row[1])
    assert row[6:] == pytest.approx(facts.probabilities[place.to_numpy()][0].tolist())
    files = [file for record in records(tmp_path) for file in record.artifact.manifest.contents]
    pictures = [Path(file.local_path) for file in files if file.path.startswith("media/images/")]
    assert len(pictures) == len(facts.cells)
    assert all(cv2.imread(str(picture)).shape == (16, 16, 3) for picture in pictures)
    drawn = {file.name.rpartition("_0_")[0]: cv2.imread(str(file)) for file in tmp_path.rglob("*held_out/*.png")}
    assert set(drawn) == {"calibration", "cooccurrence", "outlined_field"}
    assert all(picture.std() > 10 for picture in drawn.values())


def test_nothing_is_made_for_other_trackers(tmp_path):
    log_panels([CSVLogger(tmp_path)], lambda: pytest.fail("panels were made"))


def test_the_worst_cells_come_first_and_no_cell_twice(facts_with, monkeypatch):
    monkeypatch.setattr(tracked_cells, "MAX_CELLS", 8)
    facts = facts_with()
    rows = rows_to_show(facts)
    assert len(set(rows.tolist())) == len(rows) == 8
    error = np.where(facts.has_truth, np.abs(facts.truth - facts.probabilities).max(axis=1), -1)
    assert error[rows[0]] == error.max()
    assert error[rows[:4]].min() >= np.sort(error)[-4]


def test_no_cell_at_all_makes_an_empty_table(facts_with, offline, tmp_path):
    facts = facts_with()
    none = replace(
        facts,
        cells=facts.cells.iloc[:0],
        probabilities=facts.probabilities[:0],
        image_targets=facts.image_targets[:0],
        cell_targets=None,
    )
    log_panels([offline], lambda: cell_panels(none))
    offline.experiment.finish()
    assert tables(tmp_path)["cells"]["data"] == []


@given(
    arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0.1, 0.2, 0.5, 0.9, 0.95])),
    st.integers(0, 2**32 - 1),
)
def test_precision_and_recall_are_those_of_scikit_learn(confidences, seed):
    truth = np.random.default_rng(seed).random(len(confidences)) < 0.4
    truth[0] = True
    precision, recall = precision_recall(confidences, truth)
    theirs = precision_recall_curve(truth, confidences, drop_intermediate=False)
    np.testing.assert_allclose(precision[::-1], theirs[0][:-1])
    np.testing.assert_allclose(recall[::-1], theirs[1][:-1])
