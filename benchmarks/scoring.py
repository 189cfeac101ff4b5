"""Scoring a submission, against the dense way: every detection's mask is decoded and laid over every true mask."""

from __future__ import annotations

import base64
import tempfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as coco_mask

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, cpu_ms
from hpa.core.classes import LOCATIONS
from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_prediction, format_truth, parse_prediction, parse_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, write_table
from hpa.metrics.detection_tables import score_tables

IMAGES = 60
SIDE_PX = 512
CELLS = 18
IOU = 0.6
PEER_IMAGES = 4
"""The dense way is measured on these alone and scaled up."""


def measure() -> list[Row]:
    """Compare both on random confidences of slightly shifted cells."""
    tables = [_image(number) for number in range(IMAGES)]
    with tempfile.TemporaryDirectory() as folder:
        truth, submission = Path(folder) / "truth.csv", Path(folder) / "submission.csv"
        write_table(truth, TRUTH_COLUMN, (true for true, _ in tables))
        write_table(submission, PREDICTION_COLUMN, (predicted for _, predicted in tables))
        ours_ms = cpu_ms(lambda: score_tables(submission, truth, IOU, "all"), repeats=5)
    sample_ms = cpu_ms(lambda: [_dense_overlaps(*tables[number]) for number in range(PEER_IMAGES)], repeats=1)
    peer_ms = sample_ms * IMAGES / PEER_IMAGES
    detections = sum(len(parse_prediction(predicted.text).masks) for _, predicted in tables)
    name = f"score {detections} detections in {IMAGES} images of {SIDE_PX}², against dense masks"
    return [Row(name, ours_ms, peer_ms, peer_ms / ours_ms, "ms")]


def _image(seed: int) -> tuple[TableRow, TableRow]:
    rng = np.random.default_rng(seed)
    label_map = field_of_cells(SIDE_PX, CELLS, seed)
    true = list(encode_label_map(label_map).values())
    predicted = list(encode_label_map(np.roll(label_map, 5, axis=0)).values())
    text = format_truth(rng.integers(0, len(LOCATIONS), len(true)).tolist(), true)
    confidences = rng.random((len(predicted), len(LOCATIONS)), dtype=np.float32)
    name = f"image{seed}"
    return (
        TableRow(name, SIDE_PX, SIDE_PX, text),
        TableRow(name, SIDE_PX, SIDE_PX, format_prediction(predicted, confidences)),
    )


def _dense_overlaps(true_row: TableRow, predicted_row: TableRow) -> list[float]:
    true, predicted = parse_truth(true_row.text), parse_prediction(predicted_row.text)
    true_masks = [_dense(text) for text in true.masks]
    overlaps = []
    for which, text in zip(predicted.classes, predicted.masks, strict=True):
        mask = _dense(text)
        same_class = [
            other for other, other_class in zip(true_masks, true.classes, strict=True) if other_class == which
        ]
        overlaps += [float((mask & other).sum() / (mask | other).sum()) for other in same_class]
    return overlaps


def _dense(text: str) -> Bool[np.ndarray, "height width"]:
    counts = zlib.decompress(base64.b64decode(text))
    return coco_mask.decode([{"size": [SIDE_PX, SIDE_PX], "counts": counts}])[:, :, 0].astype(bool)
