"""Scores of validation fields equal those of a submission, whatever the order of cells."""

from __future__ import annotations

import numpy as np
import pytest

from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_prediction, format_truth
from hpa.core.submission_table import TableRow
from hpa.metrics.detection import score_evidence
from hpa.metrics.detection_evidence import evidence_of, true_entries_of
from hpa.metrics.field_detection import FieldDetection

SIDE_PX, CLASSES = 60, 19


def squares(count: int, shift: int) -> np.ndarray:
    label_map = np.zeros((SIDE_PX, SIDE_PX), np.int32)
    for cell in range(count):
        top, left = cell // 3 * 20, cell % 3 * 20
        label_map[top : top + 16, left + shift : left + shift + 14] = cell + 1
    return label_map


@pytest.fixture
def world(rng):
    """Three fields: true masks, found masks (some too far off to count), probabilities; one field has no cell."""
    fields, first = [], 0
    for image, (count, shift) in enumerate([(9, 1), (5, 2), (0, 0)]):
        truth, found = squares(9, 0), squares(count, shift)
        found[:, 40:] = np.where(found[:, 40:] > 0, np.roll(found, 6, axis=1)[:, 40:], 0)
        labels = np.unique(found)
        found = np.searchsorted(labels, found).astype(np.int32)
        cells = int(found.max())
        classes = rng.random((9, CLASSES)) < 0.2
        masks = encode_label_map(truth)
        shown = np.argwhere(classes).tolist()
        text = format_truth([k for _, k in shown], [masks[cell + 1] for cell, _ in shown])
        fields.append((TableRow(f"f{image}", SIDE_PX, SIDE_PX, text), found, np.arange(first, first + cells)))
        first += cells
    return fields, rng.random((first, CLASSES)).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def reference(fields, probabilities) -> float:
    """The public scorer on the text of a submission."""
    images = []
    for truth, found, rows in fields:
        masks = encode_label_map(found)
        text = format_prediction([masks[number] for number in sorted(masks)], probabilities[rows])
        images.append(evidence_of(true_entries_of(truth), text, 0.6, verified="all"))
    return score_evidence(images).mean


def test_equals_the_score_of_a_submission(world, rng):
    fields, probabilities = world
    detection = FieldDetection()
    for field in fields:
        detection.add(*field)
    expected = reference(fields, probabilities)
    assert 0 < expected < 1
    order = rng.permutation(len(probabilities))
    assert detection.mean_ap(probabilities[order], order) == pytest.approx(expected, abs=1e-6)


def test_fields_that_were_not_shown_do_not_count(world):
    fields, probabilities = world
    detection = FieldDetection()
    for field in fields[:2]:
        detection.add(*field)
    rows = fields[0][2]
    expected = reference(fields[:1], probabilities)
    assert detection.mean_ap(probabilities[rows], rows) == pytest.approx(expected, abs=1e-6)


def test_without_a_field_there_is_no_score():
    assert np.isnan(FieldDetection().mean_ap(np.zeros((0, CLASSES), np.float32), np.zeros(0, np.int64)))
