"""Classes of the synthetic cells can be separated, by far not all of them by simple means."""

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpa.simulation.synthetic_field import render_field


def simple_features(drawn):
    """Return a few numbers a cell: green in each compartment, its spread, its grain, its likeness to the stains."""
    planes = {name: drawn.field.plane(name).astype(np.float32) / 255 for name in drawn.field.channels}
    green = planes["green"]
    grain = np.abs(green - cv2.GaussianBlur(green, (0, 0), 1.5))
    rows = []
    for cell in range(1, len(drawn.cell_classes) + 1):
        body, nucleus = drawn.cells == cell, drawn.nuclei == cell
        rim = body & (cv2.erode(body.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
        row = [np.log(green[body].mean() + 0.005)]
        row += [green[part].mean() / (green[body].mean() + 0.01) for part in (nucleus, rim)]
        row += [measure[part].mean() / (green[part].mean() + 0.01) for measure in (grain,) for part in (nucleus, body)]
        row += [
            np.percentile(green[body], 99) / (green[body].mean() + 0.01),
            np.log(body.sum()),
            nucleus.sum() / body.sum(),
        ]
        row += [
            np.corrcoef(green[body] + 1e-6 * planes["red"][body], planes[name][body])[0, 1]
            for name in planes
            if name != "green"
        ]
        rows.append(row)
    return np.nan_to_num(np.array(rows))


@pytest.mark.thorough
def test_simple_features_beat_chance_and_do_not_suffice():
    fields = {split: [render_field(1, split, i, 256, 256) for i in range(76)] for split in ("train", "test")}
    features = {split: np.concatenate([simple_features(f) for f in found]) for split, found in fields.items()}
    shown = {split: [kinds for f in found for kinds in f.cell_classes] for split, found in fields.items()}
    areas = []
    for kind in range(19):
        train, test = (np.array([kind in kinds for kinds in shown[split]]) for split in ("train", "test"))
        if min(train.sum(), test.sum()) < 5:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
        model.fit(features["train"], train)
        areas.append(roc_auc_score(test, model.decision_function(features["test"])))
    assert len(areas) >= 17
    assert 0.7 < np.mean(areas) < 0.95
    assert min(areas) > 0.5
